/** What layers read of earlier ones. */
import { families, type History, type Reshape, type Ways } from "../blocks/index.ts";
import { fail, type Tensor, within } from "../tensor/index.ts";
import type { Layer } from "./layer.ts";
import type { TraceContext } from "./model.ts";
import { buildPart, contextOf, type Part } from "./part.ts";
import { assertUnshaped } from "./reshape.ts";
import type { LayerSpec, PartSpec } from "./spec.ts";

/** What each layer starts from, and at last what the norm reads. Throws E_SPEC_WAYS. */
export function buildHistories(
  { layers, history }: { layers: readonly LayerSpec[]; history?: PartSpec },
  { sizes, prefix, built }: { sizes: readonly Reshape[]; prefix: string; built: readonly Layer[] },
): Part<History>[] {
  if (history === undefined) return [];
  const component = families.histories[history.kind]!;
  const depth = layers.length;
  const { kind: _, ...c } = history;
  const same = sizes.every(({ width, stride }) => width === sizes[0]!.width && stride === 1);
  if (component.ways?.(c)) assertWays(built, { prefix, kind: history.kind });
  if (!component.fits?.(c)) assertUnshaped(`${prefix}history`, !same, history.kind);
  return Array.from({ length: depth + 1 }, (_, index) =>
    buildPart<History>(component, {
      spec: history,
      path: index < depth ? `${prefix}layers.${index}.history` : `${prefix}history`,
      where: `${prefix}history`,
      dims: (c) =>
        component.dims(c, sizes[index]!.width, { place: index + 1, depth, streams: sizes.slice(0, index + 1) }),
    }),
  );
}

/** Mixers must be able to take queries, keys and values apart. Throws E_SPEC_WAYS. */
function assertWays(layers: readonly Layer[], { prefix, kind }: { prefix: string; kind: string }): void {
  const unable = layers.find(({ mixer: { part } }) => !part.component.ways);
  if (unable === undefined) return;
  const { where, component } = unable.mixer.part;
  fail({
    code: "E_SPEC_WAYS",
    where,
    expected: `a mixer that takes queries, keys and values apart, as ${prefix}history ${kind} gives them`,
    got: component.kind,
    hint: 'Use "attention", or "streams": "one" in the history.',
  });
}

/** What the next layer starts from. */
export function recall(
  history: Part<History> | undefined,
  states: readonly Tensor[],
  { source, io }: TraceContext,
): { stream: Tensor; ways?: Ways } {
  if (history === undefined) return { stream: states.at(-1)! };
  const found = within(history.path, () => history.component.forward(states, contextOf(history, source, io)));
  return "ways" in found ? found : { stream: found };
}
