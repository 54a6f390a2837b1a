/** How a stream's width and grid change on its way up a stack, and what does not go with that. */
import type { Mixer, Reshape, Residual } from "../blocks/index.ts";
import { fail } from "../tensor/index.ts";
import type { Part } from "./part.ts";

/** What a mixer makes of a stream of this width; undefined: it stays as it is. */
export const reshapeOf = ({ component, c }: Part<Mixer>, width: number): Reshape | undefined =>
  component.reshapes?.(c, width);

const reject = (where: string, expected: string, got: string, hint: string): never =>
  fail({ code: "E_SPEC_RESHAPE", where, expected, got, hint });

/** A residual must be able to join what has another width or grid than the stream. */
export function assertJoins(mixer: Part, residual: Part<Residual>): void {
  if (residual.component.fits) return;
  const hint = 'Use "residual": {"kind": "none"} there, or "rectified", which fits the stream to the branch.';
  reject(residual.where, `a residual that fits what ${mixer.component.kind} reshapes`, residual.component.kind, hint);
}

/** Branches that are added together, several streams, rounds and cross attention all want the stream as it was. */
export function assertUnshaped(where: string, reshapes: boolean, what: string): void {
  if (reshapes)
    reject(where, `mixers that keep the stream's width and grid, as ${what} requires`, "one that does not", "");
}

/** Where one answer is given a token, there must be as many at the end as at the beginning. */
export function assertRestored(stride: number): void {
  if (stride !== 1)
    reject(
      "layers",
      "as many tokens at the end as at the beginning, as a head with one answer a token requires",
      stride > 1 ? `one in ${stride}² of them` : `${1 / stride}² times as many`,
      'Bring the grid back with "transposed-conv2d", or use "head": {"kind": "classes"}.',
    );
}
