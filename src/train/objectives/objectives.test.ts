import { describe, expect, test } from "vitest";
import { runReference } from "../../engine/index.ts";
import { grad } from "../../grad/index.ts";
import { initialise } from "../../model/index.ts";
import { createRng } from "../../ops/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { constant, input, softmaxCrossEntropy } from "../../tensor/index.ts";
import { evaluationProgram, trainingProgram } from "../programs.ts";
import { type EvaluationFeed, objectiveLosses } from "./index.ts";

const layers = [{ mixer: { kind: "attention", heads: 2, causal: false } }];
const diffusion = canonicalSpec({ name: "d", width: 8, layers, objective: { kind: "masked-diffusion" } });
const plain = (objective: object) =>
  canonicalSpec({
    name: "p",
    width: 8,
    layers: [{ mixer: { kind: "lstm" } }],
    head: { kind: "lm", tied: false },
    objective: { kind: "next-token", ...objective },
  });

/** Cross entropy of a smoothed target against logits, as the objective computes it on a head that returns them. */
function smoothedLoss(logits: readonly number[], target: number, epsilon: number): number {
  const z = constant(logits, [1, logits.length]);
  const nats = softmaxCrossEntropy(z, constant([target], [1], "i32")).mean();
  const uniform = z.logSoftmax(-1).mean().neg();
  return runReference([nats.mul(1 - epsilon).add(uniform.mul(epsilon))], {})[0]![0]!;
}

describe("next token", () => {
  test("[cross-entropy] the gradient by the logits is p − y", () => {
    const z = input("z", [3, 4]);
    const targets = [2, 0, 3];
    const [g] = grad(softmaxCrossEntropy(z, constant(targets, [3], "i32")).sum(), [z]);
    const values = Float64Array.from({ length: 12 }, (_, i) => Math.sin(3 * i));
    const [actual, p] = runReference([g!, z.softmax()], { z: values });
    p!.forEach(
      (share, i) => void expect(actual![i]).toBeCloseTo(share - (targets[Math.floor(i / 4)] === i % 4 ? 1 : 0), 15),
    );
  });

  test("[label-smoothing] the least loss is the entropy of the smoothed target, at a logit gap of ln((1−ε+ε/V)/(ε/V))", () => {
    const [epsilon, V] = [0.1, 5];
    const target = Array.from({ length: V }, (_, i) => (i === 1 ? 1 - epsilon : 0) + epsilon / V);
    const entropy = -target.reduce((sum, p) => sum + p * Math.log(p), 0);
    const gap = Math.log(target[1]! / target[0]!);
    const at = (height: number) => smoothedLoss([0, height, 0, 0, 0], 1, epsilon);
    expect(at(gap)).toBeCloseTo(entropy, 12);
    expect(at(gap + 0.01)).toBeGreaterThan(entropy);
    expect(at(gap - 0.01)).toBeGreaterThan(entropy);
  });

  test("[label-smoothing] the objective mixes the target's and the uniform cross entropy", () => {
    const loss = (labelSmoothing: number) => trainingLoss(plain({ labelSmoothing }), 0);
    const [sharp, smooth, uniform] = [loss(0), loss(0.25), loss(0.5)];
    expect(smooth - sharp).toBeCloseTo((uniform - sharp) / 2, 12);
    expect(smooth).not.toBeCloseTo(sharp, 4);
  });
});

/** The training loss of a spec's starting parameters on one fixed batch. */
function trainingLoss(spec: ReturnType<typeof canonicalSpec>, step: number, length = 6): number {
  const built = buildSpec(spec, { tokens: 5 });
  const objective = objectiveLosses[spec.objective.kind as "next-token"];
  const { outputs } = trainingProgram(built, objective, { batch: 2, length });
  const ids = Int32Array.from({ length: 2 * length }, (_, i) => (i * 3) % 5);
  const feeds = {
    ...Object.fromEntries(initialise(built.model, 1)),
    inputs: ids,
    targets: ids.map((id) => (id + 1) % 5),
    "random.seed": [1],
    "random.step": [step],
  };
  return runReference([outputs["loss"]!], feeds)[0]![0]!;
}

/** Σ weight·nats of a model whose parameters are all zero: it gives every id the same probability. */
function uniformNats(feed: EvaluationFeed, mask: Uint8Array): number {
  const built = buildSpec(diffusion, { tokens: 5 });
  const { outputs } = evaluationProgram(built, objectiveLosses["masked-diffusion"], { batch: 2, length: 6 });
  const zeros = [...built.model.parameters].map(([path, { shape }]) => [
    path,
    new Float64Array(shape.reduce((a, b) => a * b, 1)),
  ]);
  const feeds = { ...Object.fromEntries(zeros), inputs: feed.ids, targets: feed.targets, weights: feed.weights, mask };
  return runReference([outputs["nats"]!], feeds)[0]![0]!;
}

describe("masked diffusion", () => {
  const windows = {
    count: 2,
    length: 6,
    inputs: Int32Array.from([0, 1, 2, 3, 4, 0, 1, 2, 3, 0, 0, 0]),
    targets: new Int32Array(12),
    mask: Uint8Array.from([1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]),
  };
  const built = buildSpec(diffusion, { tokens: 5 });
  const feedOf = (draw: number, draws: number) =>
    objectiveLosses["masked-diffusion"].feed(windows, built, { draw, draws, rng: createRng(3) });

  test("every draw masks l real tokens and weighs each L/l (in f32), so a uniform model costs L·ln V", () => {
    for (let draw = 0; draw < 6; draw++) {
      const feed = feedOf(draw, 6);
      expect(uniformNats(feed, windows.mask)).toBeCloseTo(9 * Math.log(6), 5);
      for (const [start, real] of [
        [0, 6],
        [6, 3],
      ] as const) {
        const masked = [...feed.ids.subarray(start, start + 6)].filter((id) => id === built.extraTokens["mask"]).length;
        expect(masked).toBeGreaterThan(0);
        expect(masked).toBeLessThanOrEqual(real);
      }
      expect([...feed.weights.subarray(9)]).toEqual([0, 0, 0]);
    }
  });

  test("the draws are stratified: as many draws as tokens mask every count once", () => {
    const counts = Array.from(
      { length: 6 },
      (_, draw) =>
        feedOf(draw, 6)
          .ids.subarray(0, 6)
          .filter((id) => id === 5).length,
    );
    expect(counts.sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("the training loss of a uniform model is ln V on average over draws (each token weighs 1/p)", () => {
    const spec = canonicalSpec({ ...diffusion, head: { kind: "lm", tied: false } });
    const losses = Array.from({ length: 200 }, (_, step) => uniformTrainingLoss(spec, step));
    const mean = losses.reduce((sum, value) => sum + value, 0) / losses.length;
    expect(Math.abs(mean / Math.log(6) - 1)).toBeLessThan(0.15);
    expect(new Set(losses).size).toBeGreaterThan(100);
  });
});

function uniformTrainingLoss(spec: ReturnType<typeof canonicalSpec>, step: number): number {
  const built = buildSpec(spec, { tokens: 5 });
  const { outputs } = trainingProgram(built, objectiveLosses["masked-diffusion"], { batch: 4, length: 16 });
  const zeros = [...built.model.parameters].map(([path, { shape }]) => [
    path,
    new Float64Array(shape.reduce((a, b) => a * b, 1)),
  ]);
  const ids = new Int32Array(64);
  return runReference([outputs["loss"]!], {
    ...Object.fromEntries(zeros),
    inputs: ids,
    targets: ids,
    "random.seed": [1],
    "random.step": [step],
  })[0]![0]!;
}
