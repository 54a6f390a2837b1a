import { expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../../train/index.ts";
import { diagnoseFit, type LossHistory } from "./overfitting.ts";

const engine = nativeEngine();

const curve = (values: readonly number[]) => values.map((bitsPerByte, i) => ({ step: 10 * (i + 1), bitsPerByte }));
const falling = Array.from({ length: 40 }, (_, i) => ({ step: i + 1, loss: 2 - i / 30 }));

test("validation that rises while training falls is overfitting; either alone is not", () => {
  const risen = diagnoseFit({ training: falling, validation: curve([3, 2, 2.4, 2.6]) });
  expect(risen).toMatchObject({ verdict: "overfitting", best: { step: 20 }, last: { step: 40 }, gap: null });
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
    const training = await createTraining(engine, built, { ids: noise(200), config });
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
    await training.dispose();
    return diagnoseFit(found satisfies LossHistory, { bytesPerToken: 1 });
  };
  const [bare, dropped] = [await history(0), await history(0.4)];
  expect(bare.verdict).toBe("overfitting");
  expect(bare.gap).toBeGreaterThan(1);
  expect(dropped.gap!).toBeLessThan(0.7 * bare.gap!);
}, 60_000);
