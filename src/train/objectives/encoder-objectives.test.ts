import { describe, expect, test } from "vitest";
import type { Batches } from "../../data/index.ts";
import { createRng } from "../../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../index.ts";
import { objectiveLosses } from "./index.ts";

const engine = nativeEngine();

const encoder = { mixer: { kind: "attention", heads: 2, causal: false }, channel: { kind: "mlp" } } as const;
const length = 8;

describe("masked language model", () => {
  const built = buildSpec(
    canonicalSpec({
      name: "bert",
      width: 32,
      embedding: { kind: "token", positions: { kind: "learned", max: 16 }, norm: { kind: "layernorm" } },
      defaults: { norm: { kind: "layernorm" }, placement: "post" },
      layers: [{ ...encoder, mixer: { ...encoder.mixer, positions: { kind: "rope" } }, repeat: 2 }],
      head: { kind: "lm", transform: true, bias: true },
      objective: { kind: "masked-lm" },
    }),
    { tokens: 6 },
  );

  test("[bert] every token is masked in exactly one of the evaluation's draws, alone with its group", () => {
    const maskedLm = objectiveLosses["masked-lm"];
    const inputs = Int32Array.from({ length: 2 * length }, (_, i) => i % 6);
    const mask = Uint8Array.from(inputs, (_, i) => Number(i < 13));
    const windows = { count: 2, length, inputs, targets: inputs, mask };
    const draws = maskedLm.draws({ draws: 8 }, built);
    expect(draws).toBe(7);
    const times = new Array<number>(2 * length).fill(0);
    for (let draw = 0; draw < draws; draw++) {
      const feed = maskedLm.feed(windows, built, { draw, draws, rng: createRng(1) });
      feed.ids.forEach((id, i) => {
        if (id !== inputs[i]) {
          expect(id).toBe(built.extraTokens["mask"]);
          expect(feed.weights[i]).toBe(draws);
          times[i]!++;
        } else expect(feed.weights[i]).toBe(0);
      });
    }
    expect(times).toEqual(Array.from(mask));
  });

  test("it learns to fill the gaps of a repeating text", async () => {
    const ids = Int32Array.from({ length: 2000 }, (_, i) => i % 6);
    const config = trainingSchema.parse({ steps: 200, batch: 16, length, optimizer: { learningRate: 0.005 } });
    const training = await createTraining(engine, built, { ids, config });
    const evaluator = await createEvaluator(engine, built, {
      text: { ids: ids.slice(0, 200), bytes: 200 },
      shape: config,
    });
    const before = await evaluator.run();
    for (let step = 0; step < config.steps; step++) await training.advance();
    const after = await evaluator.run();
    expect(after.kind).toBe("pseudo");
    expect(after.bitsPerByte).toBeLessThan(0.3 * before.bitsPerByte);
    await evaluator.dispose();
    await training.dispose();
  }, 60_000);
});

/** Sequences of features whose answer is a function of their mean. */
function featureBatches(answer: (mean: number) => number[], kind: "class" | "values"): Batches {
  const batch = 16;
  return {
    shapes: [{ batch, length, mask: true }],
    position: (step) => ({ step }),
    resume: () => 0,
    batch(step) {
      const rng = createRng(step);
      const inputs = Float32Array.from({ length: batch * length * 2 }, () => 2 * rng.uniform() - 1);
      const mask = Uint8Array.from({ length: batch * length }, (_, i) => Number(i % length < 5));
      const answers = Array.from({ length: batch }, (_, row) => {
        const seen = inputs.subarray(row * length * 2, row * length * 2 + 10);
        return answer(seen.reduce((a, b) => a + b) / 10);
      }).flat();
      const targets = kind === "class" ? Int32Array.from(answers) : Float32Array.from(answers);
      return { arrays: { inputs, targets, mask }, shape: 0, epoch: 0 };
    },
  };
}

const ofSequences = (objective: SpecInput["objective"], classes: number): SpecInput => ({
  name: "sequences",
  width: 16,
  embedding: { kind: "features", size: 2 },
  layers: [encoder],
  head: { kind: "classes", classes },
  ...(objective && { objective }),
});

describe("one answer a sequence", () => {
  const train = async (spec: SpecInput, batches: Batches) => {
    const built = buildSpec(canonicalSpec(spec), { tokens: 1 });
    const config = trainingSchema.parse({ steps: 200, batch: 16, length, optimizer: { learningRate: 0.01 } });
    const training = await createTraining(engine, built, { batches, config });
    const losses: number[] = [];
    for (let step = 0; step < config.steps; step++) losses.push((await training.advance()).loss);
    await training.dispose();
    return losses;
  };
  const last = (losses: readonly number[]) => losses.slice(-20).reduce((a, b) => a + b) / 20;

  test("classification starts at ln of the classes and learns the sign of a mean over the real tokens", async () => {
    const losses = await train(
      ofSequences({ kind: "classification" }, 2),
      featureBatches((mean) => [Number(mean > 0)], "class"),
    );
    expect(losses[0]!).toBeCloseTo(Math.LN2, 1);
    expect(last(losses)).toBeLessThan(0.25);
  }, 60_000);

  test("regression learns two functions of the mean", async () => {
    const losses = await train(
      ofSequences({ kind: "regression" }, 2),
      featureBatches((mean) => [mean, -2 * mean], "values"),
    );
    expect(last(losses)).toBeLessThan(0.1 * losses[0]!);
  }, 60_000);

  test("a head and an objective that do not go together are refused", () => {
    expect(() => buildSpec(canonicalSpec(ofSequences({ kind: "next-token" }, 2)), { tokens: 1 })).toThrow(
      /E_SPEC_HEAD/,
    );
    const perToken = { ...ofSequences({ kind: "regression" }, 2), head: { kind: "lm" as const, tied: false } };
    expect(() => buildSpec(canonicalSpec(perToken), { tokens: 1 })).toThrow(
      /head: expected a head with one answer a sequence/,
    );
  });
});
