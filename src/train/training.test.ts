import { afterAll, describe, expect, test } from "vitest";
import { createNodeEngine } from "../engine/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { type TrainingInput, trainingSchema } from "./config.ts";
import { createTraining } from "./training.ts";

const engine = createNodeEngine({ threads: 1 });
afterAll(() => engine.close());

const built = buildSpec(
  canonicalSpec({
    name: "tiny",
    width: 8,
    embedding: { kind: "token" },
    layers: [
      {
        mixer: { kind: "attention", heads: 2 },
        channel: { kind: "swiglu" },
        norm: { kind: "rmsnorm" },
        placement: "pre",
      },
    ],
    norm: { kind: "rmsnorm" },
    head: { kind: "lm", tied: true },
  }),
  { tokens: 11 },
);
const rng = createRng(1);
const ids = Int32Array.from({ length: 400 }, (_, i) => (i % 7) + Math.floor(2 * rng.uniform()));

const start = (optimizer: TrainingInput["optimizer"]) =>
  createTraining(engine, built, { ids, config: trainingSchema.parse({ steps: 12, batch: 4, length: 8, optimizer }) });

async function losses(training: Awaited<ReturnType<typeof start>>, steps: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < steps; i++) found.push((await training.advance()).loss);
  return found;
}

describe.each([
  { kind: "adamw" },
  { kind: "muon", learningRate: 0.01, ema: 0.9 },
  { kind: "adafactor", learningRate: 0.1 },
  { kind: "schedule-free-adamw", learningRate: 0.01 },
  { kind: "prodigy", initialDistance: 1e-3 },
] as const)("with $kind", (optimizer) => {
  test("learns, and goes on from a snapshot with the same losses to the bit", async () => {
    const training = await start(optimizer);
    const before = await losses(training, 6);
    const snapshot = await training.snapshot();
    const after = await losses(training, 6);
    const end = await training.snapshot();
    await training.dispose();
    expect(after.at(-1)).toBeLessThan(before[0]!);
    const other = await start(optimizer);
    await other.restore(snapshot as Parameters<typeof other.restore>[0]);
    expect(other.step).toBe(6);
    expect(await losses(other, 6)).toEqual(after);
    expect(await other.snapshot()).toEqual(end);
    await other.dispose();
  });
});

test("a snapshot's weights, and what is resident while evaluating, are the optimizer's average", async () => {
  const training = await start({ kind: "sgd", learningRate: 0.5, ema: "mean" });
  const path = [...built.model.parameters.keys()][0]!;
  const points: Float32Array[] = [];
  for (let i = 0; i < 3; i++) {
    await training.advance();
    points.push((await engine.get(path)) as Float32Array);
  }
  const evaluated = await training.evaluated(() => engine.get(path));
  const mean = points[0]!.map((_, i) => (points[0]![i]! + points[1]![i]! + points[2]![i]!) / 3);
  mean.forEach((value, i) => void expect(evaluated[i]).toBeCloseTo(value, 6));
  expect(evaluated).not.toEqual(points[2]);
  expect(await engine.get(path)).toEqual(points[2]);
  const { weights, optimizer } = await training.snapshot();
  expect(weights[path]!.data).toEqual(evaluated);
  expect(optimizer[`live.${path}`]!.data).toEqual(points[2]);
  await training.dispose();
});

test("a snapshot of another optimizer is refused", async () => {
  const [first, second] = [await start({ kind: "sgd" }), await start({ kind: "adamw" })];
  const snapshot = await first.snapshot();
  await expect(second.restore(snapshot as Parameters<typeof second.restore>[0])).rejects.toThrow(
    /m\..*expected a tensor.*another spec or optimizer.*E_CHECKPOINT_TENSOR/,
  );
  await first.dispose();
  await second.dispose();
});
