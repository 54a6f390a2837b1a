/** What attention weights look like on test examples: how concentrated, and how different from head to head. */
import type { Engine } from "../../engine/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { input } from "../../tensor/index.ts";
import { evaluationIo, inputSource } from "../../train/index.ts";
import type { AttentionProbe } from "./cell.ts";

/** Weights [B, H, T, S] of one layer. */
export interface LayerWeights {
  shape: readonly [number, number, number, number];
  values: Float32Array;
}

/** Reads the weights of every attention layer over `inputs` [B, T] for the parameters that are resident now. */
export async function probeAttention(
  engine: Engine,
  { model }: BuiltModel,
  { inputs, batch: B, length: T }: { inputs: Int32Array; batch: number; length: number },
): Promise<AttentionProbe | undefined> {
  const { probes } = model.forward(input("inputs", [B, T], "i32"), { source: inputSource(), io: evaluationIo() });
  const weights = Object.entries(probes).filter(([name]) => name.endsWith("weights_BHTS"));
  if (weights.length === 0) return undefined;
  const executable = await engine.compile({ outputs: Object.fromEntries(weights) });
  const found = await executable.run({ inputs });
  await executable.dispose();
  return describeWeights(
    weights.map(([name, { shape }]) => ({
      shape: shape as LayerWeights["shape"],
      values: found[name] as Float32Array,
    })),
  );
}

/** Entropy, largest weight and distance of heads of all layers. */
export function describeWeights(layers: readonly LayerWeights[]): AttentionProbe {
  const largest = layers.map(({ shape, values }) => meanOfRows({ shape, values }, (row) => Math.max(...row)));
  return {
    entropy: layers.map(entropies),
    largest: meanOf(largest),
    headDistance: meanOf(layers.map(headDistance)),
  };
}

/** By head: mean over queries of the entropy / ln(keys that have any weight), over queries with two such keys or more. */
function entropies({ shape, values }: LayerWeights): number[] {
  const [, H] = shape;
  const totals = Array.from({ length: H }, () => ({ sum: 0, count: 0 }));
  for (const { head, row } of rowsOf({ shape, values })) {
    const seen = row.filter((weight) => weight > 0);
    if (seen.length < 2) continue;
    totals[head]!.sum += seen.reduce((sum, weight) => sum - weight * Math.log(weight), 0) / Math.log(seen.length);
    totals[head]!.count++;
  }
  return totals.map(({ sum, count }) => (count === 0 ? 0 : sum / count));
}

/** Mean over pairs of heads of ½·Σ|a − b|, over all queries. */
function headDistance({ shape: [B, H, T, S], values }: LayerWeights): number {
  if (H < 2) return 0;
  let [sum, count] = [0, 0];
  for (let b = 0; b < B; b++)
    for (let first = 0; first < H; first++)
      for (let second = first + 1; second < H; second++)
        for (let t = 0; t < T; t++) {
          const [x, y] = [first, second].map((head) => ((b * H + head) * T + t) * S) as [number, number];
          for (let s = 0; s < S; s++) sum += Math.abs(values[x + s]! - values[y + s]!) / 2;
          count++;
        }
  return sum / count;
}

function* rowsOf({ shape: [B, H, T, S], values }: LayerWeights): Generator<{ head: number; row: Float32Array }> {
  for (let index = 0; index < B * H * T; index++)
    yield { head: Math.floor(index / T) % H, row: values.subarray(index * S, (index + 1) * S) };
}

function meanOfRows(weights: LayerWeights, of: (row: Float32Array) => number): number {
  const found = [...rowsOf(weights)].map(({ row }) => of(row));
  return meanOf(found);
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
