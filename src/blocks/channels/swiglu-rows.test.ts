import { expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { createTraining, trainingSchema } from "../../train/index.ts";

const [D, vocabulary] = [24, 12];

/** Every id follows from the two before it by a fixed table. */
function sequence(length: number): Int32Array {
  const table = createRng(5);
  const next = Array.from({ length: vocabulary ** 2 }, () => table.below(vocabulary));
  const draws = createRng(9);
  const ids = [0, 1];
  for (let t = 2; t < length; t++)
    ids.push(draws.uniform() < 0.1 ? draws.below(vocabulary) : next[ids[t - 1]! * vocabulary + ids[t - 2]!]!);
  return Int32Array.from(ids);
}

/** Mean loss of the last 20 of 200 steps, and the size of the channel mixers. */
async function train(channel: Readonly<Record<string, unknown>>, seed: number) {
  const layer = { mixer: { kind: "attention", heads: 2 }, channel } as const;
  const built = buildSpec(
    canonicalSpec({ name: "rows", width: D, layers: [{ ...layer, repeat: 2 }] } as unknown as SpecInput),
    {
      tokens: vocabulary,
    },
  );
  const config = trainingSchema.parse({
    steps: 200,
    batch: 16,
    length: 24,
    seed,
    optimizer: { kind: "adamw", learningRate: 0.005 },
    schedule: { kind: "constant" },
  });
  const training = await createTraining(nativeEngine(), built, { ids: sequence(6000), config });
  const losses: number[] = [];
  for (let step = 0; step < config.steps; step++) losses.push((await training.advance()).loss);
  await training.dispose();
  const size = [...built.model.parameters]
    .filter(([path]) => /\.channel\.(up|down|gate)$/.test(path))
    .reduce((sum, [, { shape }]) => sum + shape[0]! * shape[1]!, 0);
  return { loss: losses.slice(-20).reduce((sum, v) => sum + v, 0) / 20, size };
}

test("[swiglu] with 8/3 of the width it is as large as a plain net of 4 times the width, and learns at least as well as ReLU in two of three seeds", async () => {
  const wins: boolean[] = [];
  for (const seed of [1, 2, 3]) {
    const gated = await train({ kind: "swiglu", hidden: (8 * D) / 3 }, seed);
    const plain = await train({ kind: "mlp", activation: "relu", ratio: 4, bias: false }, seed);
    expect(gated.size).toBe(plain.size);
    expect(gated.size).toBe(2 * 8 * D * D);
    wins.push(gated.loss <= plain.loss);
  }
  expect(wins.filter(Boolean).length).toBeGreaterThanOrEqual(2);
}, 120_000);
