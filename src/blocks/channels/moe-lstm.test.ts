import { expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { createTraining, trainingSchema } from "../../train/index.ts";

const D = 16;
const [experts, topK, hidden] = [8, 2, 12];

/** LSTM, mixture, LSTM, as in the paper; its losses at a given weight. */
function mixtureBetweenLstms(balanceWeight: number): BuiltModel {
  const channel = {
    kind: "moe",
    experts,
    topK,
    hidden,
    expert: "mlp",
    activation: "relu",
    routing: "noisy-topk",
    balanceWeight,
    zWeight: 0,
  } as const;
  const layers = [{ mixer: { kind: "lstm" }, channel }, { mixer: { kind: "lstm" } }] as const;
  return buildSpec(canonicalSpec({ name: "moe-lstm", width: D, layers }), { tokens: 11 });
}

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** First loss, and means over the last 30 steps. */
async function train(built: BuiltModel) {
  const rng = createRng(3);
  const ids = Int32Array.from({ length: 3000 }, (_, i) => ((i * i) % 7) + Math.floor(3 * rng.uniform()));
  const config = trainingSchema.parse({
    steps: 150,
    batch: 8,
    length: 16,
    optimizer: { kind: "adamw", learningRate: 0.01 },
    schedule: { kind: "constant" },
  });
  const training = await createTraining(nativeEngine(), built, { ids, config });
  const records: Awaited<ReturnType<typeof training.advance>>[] = [];
  for (let step = 0; step < config.steps; step++) records.push(await training.advance());
  await training.dispose();
  const last = records.slice(-30);
  const auxiliary = (name: string) => mean(last.map(({ losses }) => losses[`layers.0.channel.${name}`]!));
  return {
    first: records[0]!.loss,
    loss: mean(last.map(({ loss }) => loss)),
    importance: auxiliary("importance"),
    load: auxiliary("load"),
  };
}

test("[moe-shazeer-2017] a mixture with noisy routing between two LSTM layers trains, its losses lower CV², and the active parameters are those of topK experts", async () => {
  const built = mixtureBetweenLstms(0.1);
  const sizes = [...built.model.parameters.values()].map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  const all = sizes.reduce((sum, size) => sum + size, 0);
  expect(all - built.model.activeParameters).toBe((experts - topK) * 2 * D * hidden);

  const [balanced, free] = [await train(built), await train(mixtureBetweenLstms(1e-9))];
  expect(balanced.loss).toBeLessThan(0.8 * balanced.first);
  expect(balanced.importance).toBeLessThan(0.5 * free.importance);
  expect(balanced.load).toBeLessThan(0.5 * free.load);
}, 30_000);
