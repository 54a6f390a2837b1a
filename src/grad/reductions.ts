/** Gradient rules of reductions. */
import { concat, type Tensor, where, zeros } from "../tensor/index.ts";
import type { GradRule, Pullback } from "./rule.ts";

export const keepAxes = (t: Tensor, like: Tensor, axes: readonly number[]) =>
  t.reshape(like.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)));

/** Gradient of max or min over axes: shared evenly among the elements that attain it. */
export const reduceExtremum: GradRule<"reduceMax" | "reduceMin"> = ({
  inputs: [x],
  outputs: [y],
  attrs: { axes },
  g,
}) => {
  const hit = where(x!.equal(keepAxes(y!, x!, axes)), 1, 0);
  return [keepAxes(g, x!, axes).div(hit.sum(axes, true)).mul(hit)];
};

/** Product of all other elements, one by one: exact where factors are zero. */
export function reduceProdGrad({ inputs: [x], attrs: { axes }, g }: Pullback<"reduceProd">): Tensor[] {
  const rest = x!.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const perm = [...rest, ...axes];
  const inner = axes.reduce((product, axis) => product * x!.dim(axis), 1);
  if (inner === 0) return [zeros(x!.shape)];
  if (inner === 1) return [g.reshape(x!.shape)];
  const flat = x!.transpose(perm).reshape([x!.size / inner, inner]);
  const others = Array.from({ length: inner }, (_, i) =>
    concat(
      1,
      [flat.slice(1, 0, i), flat.slice(1, i + 1)].filter((part) => part.dim(1) > 0),
    ).prod(1, true),
  );
  const each = concat(1, others).mul(g.reshape([x!.size / inner, 1]));
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  return [each.reshape(perm.map((axis) => x!.dim(axis))).transpose(inverse)];
}
