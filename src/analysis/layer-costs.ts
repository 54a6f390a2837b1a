/** What each layer of a model costs by itself. */
import { flopsByPath } from "../engine/index.ts";
import { type LayerReport, type Model, stateShape } from "../model/index.ts";
import { sizeOf, type Tensor } from "../tensor/index.ts";

export interface LayerCost extends LayerReport {
  /** Of reading a prompt, per token, with its norms and residual sums. */
  flops: number;
  /** f32 bytes of one sequence's state in this layer by context; null where the model has none. */
  stateBytes: Readonly<Record<string, number>> | null;
}

/** Costs by layer; `outputs` are those of reading `length` tokens. */
export function layerCosts(
  model: Model,
  { outputs, length, contexts }: { outputs: readonly Tensor[]; length: number; contexts: readonly number[] },
): LayerCost[] {
  const counts = [...flopsByPath(outputs)];
  return model.layers.map((layer) => {
    const within = (path: string) => path === layer.path || path.startsWith(`${layer.path}.`);
    const flops = counts.reduce((sum, [path, count]) => (within(path) ? sum + count : sum), 0) / length;
    const states = [...model.states].filter(([path]) => within(path)).map(([, state]) => state);
    const bytesAt = (tokens: number) => states.reduce((sum, state) => sum + 4 * sizeOf(stateShape(state, tokens)), 0);
    const stateBytes = Object.fromEntries(contexts.map((tokens) => [String(tokens), bytesAt(tokens)]));
    return { ...layer, flops, stateBytes: model.decodes ? stateBytes : null };
  });
}
