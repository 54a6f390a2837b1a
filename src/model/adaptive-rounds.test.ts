import { expect, test } from "vitest";
import { compileReference } from "../engine/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { input } from "../tensor/index.ts";
import { nativeEngine } from "../testing/index.ts";
import { createTraining, evaluationIo, inputSource, trainingSchema } from "../train/index.ts";

/** Three pointers, then a question: a place itself (easy), or where two pointers lead from it (hard). */
const pointers = 3;
const [tokens, T] = [3 * pointers, pointers + 1];
const spec = canonicalSpec({
  ...{ name: "adaptive", width: 16, embedding: { kind: "token", positions: { kind: "learned", max: T } } },
  layers: [{ mixer: { kind: "attention", heads: 2 }, channel: { kind: "mlp", hidden: 24 } }],
  loop: { times: 5, halt: { threshold: 0.9, cost: 0.3 } },
});

function drawQuestions(seed: number, count: number, kind?: "easy" | "hard") {
  const rng = createRng(seed);
  const [inputs, targets] = [new Int32Array(count * T), new Int32Array(count * T)];
  for (let row = 0; row < count; row++) {
    const next = Array.from({ length: pointers }, () => rng.below(pointers));
    const place = rng.below(pointers);
    const hard = kind === undefined ? rng.below(2) === 1 : kind === "hard";
    inputs.set([...next, pointers * (hard ? 2 : 1) + place], row * T);
    targets[row * T + T - 1] = hard ? next[next[place]!]! : place;
  }
  return { inputs, targets, weights: Float32Array.from(inputs, (_, n) => Number(n % T === T - 1)) };
}

test("[adaptive-computation] weights of the rounds sum to 1, and questions that need two steps take more rounds than those that need none", async () => {
  const built = buildSpec(spec, { tokens });
  const shape = { batch: 64, length: T, weights: true };
  const optimizer = { kind: "adamw", learningRate: 0.01 } as const;
  const config = trainingSchema.parse({ batch: 64, length: T, steps: 500, seed: 1, optimizer });
  const engine = nativeEngine();
  const training = await createTraining(engine, built, {
    config,
    batches: {
      ...{ shapes: [shape], position: () => ({}), resume: () => 0 },
      batch: (step) => ({ arrays: drawQuestions(step, 64), shape: 0, epoch: 0 }),
    },
  });
  while (training.step < config.steps) await training.advance();
  const values: Record<string, Float32Array> = {};
  for (const path of built.model.parameters.keys()) values[path] = (await engine.get(path)) as Float32Array;
  await training.dispose();
  const count = 60;
  const { probes, logits } = built.model.forward(input("ids", [count, T], "i32"), {
    source: inputSource(),
    io: evaluationIo(),
  });
  const weights = Array.from({ length: 5 }, (_, round) => probes[`rounds.weight.${round}`]!);
  const program = compileReference([probes["rounds.taken"]!, logits, ...weights]);
  const look = (kind: "easy" | "hard") => {
    const { inputs, targets } = drawQuestions(2 ** 20, count, kind);
    const [taken, scores, ...shares] = program.run({ ids: inputs, ...values }) as [
      Float64Array,
      Float64Array,
      ...Float64Array[],
    ];
    for (let n = 0; n < count * T; n++) expect(shares.reduce((sum, share) => sum + share[n]!, 0)).toBeCloseTo(1, 10);
    const last = Array.from({ length: count }, (_, row) => row * T + T - 1);
    const right = last.filter((n) => {
      const row = scores.subarray(n * tokens, (n + 1) * tokens);
      return row.indexOf(Math.max(...row)) === targets[n];
    });
    return { rounds: last.reduce((sum, n) => sum + taken[n]!, 0) / count, accuracy: right.length / count };
  };
  const [easy, hard] = [look("easy"), look("hard")];
  expect(Math.min(easy.accuracy, hard.accuracy)).toBeGreaterThan(0.95);
  expect(hard.rounds).toBeGreaterThan(easy.rounds + 0.3);
});
