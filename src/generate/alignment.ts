import type { Engine } from "../engine/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import { input } from "../tensor/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";

/** How much each token of an answer, and its end, looked at each token of the source. */
export interface Alignment {
  /** Weights by layer with cross attention, bottom first: [T][S], mean over heads; each row adds up to 1. */
  layers: readonly (readonly (readonly number[])[])[];
}

/** Reads a source with its answer as a whole. Layers that keep no weights of the source give nothing. */
export async function alignmentOf(
  engine: Engine,
  { model, extraTokens }: BuiltModel,
  { source, answer }: { source: Int32Array; answer: Int32Array },
): Promise<Alignment> {
  const [S, T] = [source.length, answer.length + 1];
  const weights = weightsOf(model, { S, T });
  if (weights.length === 0) return { layers: [] };
  const means = weights.map(([path, weights_BHTS]) => [path, weights_BHTS.mean(1)] as const);
  const executable = await engine.compile({ outputs: Object.fromEntries(means) });
  try {
    const values = await executable.run({ ids: Int32Array.of(extraTokens["start"]!, ...answer), source });
    return { layers: means.map(([path]) => rowsOf(Array.from(values[path]!), S)) };
  } finally {
    await executable.dispose();
  }
}

/** Whether any layer weighs the source's tokens: sums over them, or slots, leave no weights. */
export const showsAlignment = ({ model }: BuiltModel): boolean => weightsOf(model, { S: 1, T: 1 }).length > 0;

function weightsOf(model: BuiltModel["model"], { S, T }: { S: number; T: number }) {
  const { probes } = model.forward(input("ids", [1, T], "i32"), {
    source: inputSource(),
    io: evaluationIo(),
    from: { ids_BS: input("source", [1, S], "i32") },
  });
  return Object.entries(probes).filter(([path]) => path.endsWith(".cross.weights_BHTS"));
}

const rowsOf = (values: readonly number[], columns: number): number[][] =>
  Array.from({ length: values.length / columns }, (_, t) => values.slice(t * columns, (t + 1) * columns));
