import { describe, expect, test } from "vitest";
import { createReferenceEngine, runReference } from "../../engine/index.ts";
import { initialise, parameterCount } from "../../model/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { input } from "../../tensor/index.ts";
import { trainingSchema } from "../config.ts";
import { evaluationIo, inputSource, trainingIo, trainingProgram } from "../programs.ts";
import { createTraining } from "../training.ts";
import { objectiveLosses } from "./index.ts";

const [B, T, C] = [2, 7, 5];
const specOf = (extra: object = {}) =>
  canonicalSpec({ name: "ahead", width: 8, layers: [{ mixer: { kind: "lstm" } }], ...extra });
const builtOf = (extra: object = {}) => buildSpec(specOf(extra), { tokens: C });
const further = (ahead: number, weight = 0.5) => ({ head: { kind: "lm", transform: true }, ahead, weight });
const feeds = (built: ReturnType<typeof builtOf>) => ({
  ...Object.fromEntries(initialise(built.model, 1)),
  inputs: Int32Array.from({ length: B * T }, (_, i) => (i * i) % C),
  targets: Int32Array.from({ length: B * T }, (_, i) => (i * 3 + 1) % C),
  "random.seed": [1],
  "random.step": [0],
});

function losses(extra: object): Record<string, number> {
  const built = builtOf(extra);
  const { outputs } = trainingProgram(built, objectiveLosses["next-token"], { batch: B, length: T });
  const names = Object.keys(outputs).filter((name) => name.startsWith("loss"));
  const values = runReference(
    names.map((name) => outputs[name]!),
    feeds(built),
  );
  return Object.fromEntries(names.map((name, i) => [name, values[i]![0]!]));
}

/** Mean of −log p of the id `ahead` places on, position by position. */
function naive(logits: ArrayLike<number>, targets: Int32Array, ahead: number): number {
  let nats = 0;
  for (let b = 0; b < B; b++)
    for (let t = 0; t + ahead - 1 < T; t++) {
      const row = Array.from({ length: C }, (_, c) => logits[(b * T + t) * C + c]!);
      nats += Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0)) - row[targets[b * T + t + ahead - 1]!]!;
    }
  return nats / (B * (T - ahead + 1));
}

describe("heads that answer tokens further ahead", () => {
  test("each is scored against the targets that many places on; the main loss stays as it is", () => {
    const built = builtOf({ heads: [further(2), further(4)] });
    const fed = feeds(built);
    const { ahead } = built.model.forward(input("inputs", [B, T], "i32"), { source: inputSource(), io: trainingIo() });
    const logits = runReference(
      ahead!.map((one) => one.logits),
      fed,
    );
    const { loss, ...rest } = losses({ heads: [further(2), further(4)] });
    expect(loss).toBe(losses({})["loss"]);
    expect(Object.keys(rest)).toEqual(["loss:ahead-2", "loss:ahead-4"]);
    expect(rest["loss:ahead-2"]).toBeCloseTo(naive(logits[0]!, fed.targets, 2), 6);
    expect(rest["loss:ahead-4"]).toBeCloseTo(naive(logits[1]!, fed.targets, 4), 6);
  });

  test("they have parameters of their own, and are not there outside of training", () => {
    const [plain, more] = [builtOf(), builtOf({ heads: [further(2)] })];
    expect(parameterCount(more.model.parameters) - parameterCount(plain.model.parameters)).toBe(8 * 8 + 3 * 8);
    const { ahead } = more.model.forward(input("inputs", [B, T], "i32"), { source: inputSource(), io: evaluationIo() });
    expect(ahead).toBeUndefined();
  });

  test("training lowers their losses, too", async () => {
    const ids = Int32Array.from({ length: 400 }, (_, i) => [0, 3, 1, 4, 2][i % 5]!);
    const config = trainingSchema.parse({ steps: 40, batch: 4, length: 8, optimizer: { learningRate: 0.03 } });
    const training = await createTraining(createReferenceEngine(), builtOf({ heads: [further(3, 1)] }), {
      ids,
      config,
    });
    const first = await training.advance();
    let last = first;
    while (training.step < config.steps) last = await training.advance();
    expect(first.losses["ahead-3"]).toBeGreaterThan(1);
    expect(last.losses["ahead-3"]).toBeLessThan(0.2);
  });

  test.each([
    [
      "without anything of its own",
      { heads: [{ head: { kind: "lm" } }] },
      /ahead: heads\[0\]\.head: expected a head with parameters of its own.*\[E_SPEC_HEADS\]/,
    ],
    [
      "of an objective without coming tokens",
      { layers: [{ mixer: { kind: "fnet" } }], heads: [further(2)], objective: { kind: "masked-lm" } },
      /ahead: heads: expected none, as the objective "masked-lm" .*\[E_SPEC_HEADS\]/,
    ],
  ])("a head %s is refused", (_, extra, message) => {
    expect(() => builtOf(extra)).toThrow(message);
  });

  test("sequences that are too short are refused", () => {
    expect(() => losses({ heads: [further(8)] })).toThrow(
      /sequences of more than 7 tokens, for a head 8 tokens ahead.*\[E_TRAIN_AHEAD\]/,
    );
  });
});
