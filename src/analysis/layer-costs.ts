/** What each layer of a model costs by itself. */
import { flopsByPath } from "../engine/index.ts";
import { type LayerReport, type Model, stateShape } from "../model/index.ts";
import { sizeOf, type Tensor } from "../tensor/index.ts";

export interface LayerCost extends Omit<LayerReport, "sparse"> {
  /** Of reading a prompt, per token, with its norms and residual sums: what is executed. */
  flops: number;
  /** The same where channel mixers of which some parameters act on a token take 2 for each of those, whatever else they execute. */
  activeFlops: number;
  /** f32 bytes of one sequence's state in this layer by context; null where the model has none. */
  stateBytes: Readonly<Record<string, number>> | null;
}

/** Costs by layer; `outputs` are those of reading `length` tokens. */
export function layerCosts(
  model: Model,
  { outputs, length, contexts }: { outputs: readonly Tensor[]; length: number; contexts: readonly number[] },
): LayerCost[] {
  const counts = [...flopsByPath(outputs)];
  const flopsOf = (part: string) =>
    counts.reduce((sum, [path, count]) => (isWithin(path, part) ? sum + count : sum), 0) / length;
  return model.layers.map(({ sparse, ...layer }) => {
    const within = (path: string) => isWithin(path, layer.path);
    const flops = flopsOf(layer.path);
    const idle = sparse.map(({ path, activeParameters }) => Math.max(0, flopsOf(path) - 2 * activeParameters));
    const states = [...model.states].filter(([path]) => within(path)).map(([, state]) => state);
    const bytesAt = (tokens: number) => states.reduce((sum, state) => sum + 4 * sizeOf(stateShape(state, tokens)), 0);
    const stateBytes = Object.fromEntries(contexts.map((tokens) => [String(tokens), bytesAt(tokens)]));
    const activeFlops = idle.reduce((rest, each) => rest - each, flops);
    return { ...layer, flops, activeFlops, stateBytes: model.decodes ? stateBytes : null };
  });
}

const isWithin = (path: string, part: string): boolean => path === part || path.startsWith(`${part}.`);
