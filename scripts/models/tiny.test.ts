import { afterAll, expect, test } from "vitest";
import type { BatchArrays, BatchShape } from "../../src/data/index.ts";
import { parameterCount } from "../../src/model/index.ts";
import { type BuiltModel, buildSpec, loadSpec, shippedSpecs } from "../../src/spec/index.ts";
import { nativeEngine } from "../../src/testing/index.ts";
import { createTraining, trainingSchema } from "../../src/train/index.ts";

const tokens = 32;
const shape: BatchShape = { batch: 4, length: 16 };
const size = shape.batch * shape.length;

const engine = nativeEngine();
afterAll(() => engine.close());

/** Ids that follow one another by a rule, from another start in each row. */
const ids = (shift: number) =>
  Int32Array.from(
    { length: size },
    (_, i) => (3 * (i % shape.length) + 5 * Math.floor(i / shape.length) + shift) % tokens,
  );

/** One batch for every step, in the form that the objective reads. */
function batchFor({ model, extraTokens }: BuiltModel): { shape: BatchShape; arrays: BatchArrays } {
  const { input, outputs, per, readsSource } = model;
  const inputs =
    input.kind === "ids" ? ids(0) : Float32Array.from({ length: size * input.size }, (_, i) => Math.sin(1 + i * i));
  if (per === "sequence") {
    const values = model.spec.objective.kind === "regression";
    const count = values ? shape.batch * outputs : shape.batch;
    const answers = Array.from({ length: count }, (_, i) => (values ? Math.cos(i) : i % outputs));
    return { shape, arrays: { inputs, targets: values ? Float32Array.from(answers) : Int32Array.from(answers) } };
  }
  if (!readsSource) return { shape, arrays: { inputs, targets: ids(3) } };
  const started = ids(0).map((id, i) => (i % shape.length === 0 ? extraTokens["start"]! : id));
  const source = { source: ids(7), sourceMask: new Uint8Array(size).fill(1) };
  return { shape: { ...shape, sourceLength: shape.length }, arrays: { inputs: started, targets: ids(3), ...source } };
}

/** Where the tokens that are predicted are drawn anew in each step. */
const drawn = new Set(["masked-diffusion", "masked-lm"]);

test.each(shippedSpecs("tiny"))("%s trains", async (name) => {
  const built = buildSpec(loadSpec(name), { tokens });
  expect(parameterCount(built.model.parameters)).toBeLessThan(300_000);
  const { shape: own, arrays } = batchFor(built);
  const config = trainingSchema.parse({ ...shape, steps: 3, optimizer: { kind: "adamw", learningRate: 0.003 } });
  const training = await createTraining(engine, built, {
    config,
    batches: {
      shapes: [own],
      position: (step) => ({ step }),
      resume: () => 0,
      batch: () => ({ arrays, shape: 0, epoch: 0 }),
    },
  });
  const records = await training.advanceBy(3);
  const losses = records.map(({ loss }) => loss);
  expect(losses.every((loss) => Number.isFinite(loss) && loss > 0)).toBe(true);
  expect(records.every(({ gradNorm }) => gradNorm > 0)).toBe(true);
  if (!drawn.has(built.model.spec.objective.kind)) expect(losses[2]).toBeLessThan(losses[0]!);
  await training.dispose();
});
