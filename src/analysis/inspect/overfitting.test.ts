import { expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../../train/index.ts";
import { diagnoseFit, type LossHistory, measureGap } from "./overfitting.ts";

const engine = nativeEngine();

const curve = (values: readonly number[]) => values.map((bitsPerByte, i) => ({ step: 10 * (i + 1), bitsPerByte }));
const falling = Array.from({ length: 40 }, (_, i) => ({ step: i + 1, loss: 2 - i / 30 }));

test("validation that rises while training falls is overfitting; either alone is not", () => {
  const risen = diagnoseFit({ training: falling, validation: curve([3, 2, 2.4, 2.6]) });
  expect(risen).toMatchObject({ verdict: "overfitting", best: { step: 20 }, last: { step: 40 } });
  expect(risen).not.toHaveProperty("gap");
  expect(risen.rise).toBeCloseTo(0.3, 12);
  expect(risen.remedies).toContain("dropout");
  const rising = falling.toReversed().map(({ loss }, i) => ({ step: i + 1, loss }));
  expect(diagnoseFit({ training: rising, validation: curve([3, 2, 2.4, 2.6]) }).verdict).toBe("fits");
  expect(diagnoseFit({ training: falling, validation: curve([3, 2.5, 2.2, 2.21]) }).verdict).toBe("fits");
  expect(diagnoseFit({ training: falling, validation: curve([3]) }).verdict).toBe("unknown");
});

test("[overfit-diagnostics] a tiny noisy set is overfitted on purpose and flagged; with dropout the gap shrinks", async () => {
  const history = async (dropout: number) => {
    const rng = createRng(3);
    const noise = (count: number) => Int32Array.from({ length: count }, () => Math.floor(8 * rng.uniform()));
    const built = buildSpec(
      canonicalSpec({
        name: "fit",
        width: 48,
        dropout,
        layers: [
          { mixer: { kind: "attention", heads: 4, positions: { kind: "rope" } }, channel: { kind: "mlp" }, repeat: 2 },
        ],
      }),
      { tokens: 8 },
    );
    const config = trainingSchema.parse({ steps: 120, batch: 8, length: 16, optimizer: { learningRate: 0.003 } });
    const seen = noise(200);
    const training = await createTraining(engine, built, { ids: seen, config });
    const text = { ids: noise(200), bytes: 200 };
    const evaluator = await createEvaluator(engine, built, { text, shape: config });
    const found: { training: { step: number; loss: number }[]; validation: { step: number; bitsPerByte: number }[] } = {
      training: [],
      validation: [],
    };
    while (training.step < config.steps) {
      const { step, loss } = await training.advance();
      found.training.push({ step, loss });
      if (step % 20 === 0) found.validation.push({ step, bitsPerByte: (await evaluator.run()).bitsPerByte });
    }
    await evaluator.dispose();
    const gap = await measureGap(engine, built, {
      ...{ training: { ids: seen, bytes: 200 }, validation: text, shape: config },
    });
    await training.dispose();
    return diagnoseFit(found satisfies LossHistory, gap);
  };
  const [bare, dropped] = [await history(0), await history(0.4)];
  expect(bare.verdict).toBe("overfitting");
  expect(bare.gap!.bitsPerByte).toBeGreaterThan(1);
  expect(dropped.gap!.bitsPerByte).toBeLessThan(0.7 * bare.gap!.bitsPerByte);
}, 60_000);

test("the gap is validation less training on equally many windows of each text, and none between a text and itself", async () => {
  const built = buildSpec(canonicalSpec({ name: "gap", width: 8, layers: [{ mixer: { kind: "lstm" } }] }), {
    tokens: 8,
  });
  const shape = { batch: 2, length: 8 };
  const training = await createTraining(engine, built, {
    ids: Int32Array.from({ length: 400 }, (_, i) => i % 3),
    config: trainingSchema.parse({ steps: 30, ...shape, optimizer: { learningRate: 0.02 } }),
  });
  while (training.step < 30) await training.advance();
  const cycle = { ids: Int32Array.from({ length: 400 }, (_, i) => i % 3), bytes: 800 };
  const other = { ids: Int32Array.from({ length: 60 }, (_, i) => (5 * i * i) % 8), bytes: 60 };
  const gapOf = (validation: typeof cycle, windows?: number) =>
    measureGap(engine, built, { training: cycle, validation, shape, ...(windows && { windows }) });
  const gap = await gapOf(other);
  // 59 predicted ids of the shorter text are 8 windows of 8 ids.
  expect(gap.windows).toBe(8);
  expect(gap.bitsPerByte).toBe(gap.validation - gap.training);
  const evaluator = await createEvaluator(engine, built, { text: cycle, shape, windows: 8 });
  expect(gap.training).toBe((await evaluator.run()).bitsPerByte);
  expect(gap.bitsPerByte).toBeGreaterThan(1);
  expect(await gapOf(cycle, 3)).toMatchObject({ bitsPerByte: 0, windows: 4 });
  await evaluator.dispose();
  await training.dispose();
}, 60_000);
