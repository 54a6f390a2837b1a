import { describe, expect, test } from "vitest";
import { compileReference, createReferenceEngine } from "../engine/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { decodingError, loadStart, randomRows } from "../testing/model-trial.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { initialise, type Model, type ModelResult, parameterCount } from "./index.ts";

const [tokens, width, times, T] = [9, 8, 4, 6];
const layer = { mixer: { kind: "attention", heads: 2 }, channel: { kind: "mlp" } } as const;
type Loop = NonNullable<SpecInput["loop"]>;

const specOf = (loop?: Partial<Loop>) =>
  canonicalSpec({ name: "rounds", width, layers: [layer], ...(loop && { loop: { times, ...loop } }) });
const modelOf = (loop?: Partial<Loop>): Model => buildSpec(specOf(loop), { tokens }).model;

type Values = ReadonlyMap<string, Float32Array>;

/** What a model gives for fixed ids, as numbers. */
function evaluate(model: Model, values: Values, read: (result: ModelResult) => Tensor[]): Float64Array[] {
  const rng = createRng(2);
  const result = model.forward(input("ids", [2, T], "i32"), { source: inputSource(), io: evaluationIo() });
  const ids = Int32Array.from({ length: 2 * T }, () => rng.below(tokens));
  return compileReference(read(result)).run({ ids, ...Object.fromEntries(values) });
}

const logitsOf = (model: Model, values: Values) => evaluate(model, values, ({ logits }) => [logits])[0]!;

/** A start whose probability of stopping is the same everywhere. */
const stopping = (model: Model, bias: number): Values =>
  new Map(initialise(model, 1)).set("rounds.weight", new Float32Array(width)).set("rounds.bias", Float32Array.of(bias));

const halt = { threshold: 0.9, cost: 0.01 } as const;

describe("rounds", () => {
  test("weights of a token's rounds sum to 1, whenever it stops", () => {
    const model = modelOf({ halt });
    for (const bias of [-6, -1, 0, 3]) {
      const values = new Map(initialise(model, 3)).set("rounds.bias", Float32Array.of(bias));
      const weights = evaluate(model, values, ({ probes }) =>
        Array.from({ length: times }, (_, round) => probes[`rounds.weight.${round}`]!),
      );
      for (let i = 0; i < 2 * T; i++) expect(weights.reduce((sum, one) => sum + one[i]!, 0)).toBeCloseTo(1, 12);
    }
  });

  test("tokens that never stop before are the plain loop, those that stop at once the loop of one round", () => {
    const model = modelOf({ halt });
    const values = initialise(modelOf({}), 1);
    const expected = { never: logitsOf(modelOf({}), values), atOnce: logitsOf(modelOf(), values) };
    logitsOf(model, stopping(model, -40)).forEach((v, i) => void expect(v).toBeCloseTo(expected.never[i]!, 6));
    logitsOf(model, stopping(model, 40)).forEach((v, i) => void expect(v).toBeCloseTo(expected.atOnce[i]!, 6));
  });

  test("tokens take the rounds until their probabilities pass the threshold, and the loss tells how many", () => {
    const model = modelOf({ halt });
    // σ(0) = ½: 0.5 after one round, past 0.9 in the second, whose weight is what is left, ½.
    const [taken, loss] = evaluate(model, stopping(model, 0), ({ probes, losses }) => [
      probes["rounds.taken"]!,
      losses[0]!.value,
    ]);
    expect([...taken!]).toEqual(new Array(2 * T).fill(2));
    expect(loss![0]).toBeCloseTo(2.5, 12);
    expect(evaluate(model, stopping(model, -40), ({ probes }) => [probes["rounds.taken"]!])[0]![0]).toBe(times);
  });

  test("[universal-transformer] parameters do not grow with rounds, and stopping costs one map", () => {
    const count = (loop?: Partial<Loop>) => parameterCount(modelOf(loop).parameters);
    expect([count({ times: 7 }), count({ step: "sinusoidal" })]).toEqual([count(), count()]);
    expect(count({ halt }) - count()).toBe(width + 1);
  });

  test("a signal of the round's number changes all rounds, the first included", () => {
    const values = initialise(modelOf({}), 1);
    expect(logitsOf(modelOf({ step: "sinusoidal" }), values)).not.toEqual(logitsOf(modelOf({}), values));
    const once = { times: 1, step: "sinusoidal" } as const;
    expect(logitsOf(modelOf(once), values)).not.toEqual(logitsOf(modelOf(), values));
  });

  test("positions are added before every round, in a step as in a whole sequence, and the stack must have some", async () => {
    const positions = { kind: "sinusoidal" } as const;
    const placed = (step: "sinusoidal" | "positions") => {
      const embedding = { kind: "token", positions } as const;
      const spec = canonicalSpec({ name: "rounds", width, embedding, layers: [layer], loop: { times: 2, step } });
      return buildSpec(spec, { tokens });
    };
    const values = initialise(placed("positions").model, 1);
    const [once, again] = [placed("sinusoidal"), placed("positions")].map(({ model }) => logitsOf(model, values));
    expect(again).not.toEqual(once);
    const engine = createReferenceEngine();
    await loadStart(engine, placed("positions"), 1);
    expect(await decodingError(engine, placed("positions"), randomRows(placed("positions"), 2))).toBeLessThan(1e-6);
    await engine.close();
    expect(() => modelOf({ step: "positions" })).toThrow(
      /^rounds: embedding\.positions: .*got none.*\[E_SPEC_ROUNDS\]$/,
    );
  });

  test("the canonical form writes the layers out and keeps where rounds begin", () => {
    const layers = [layer, { mixer: { kind: "lstm" } }, layer] as const;
    const spec = canonicalSpec({
      name: "rounds",
      width,
      layers,
      loop: { times: 3, from: 1, to: 2, step: "sinusoidal", halt: {} },
    });
    expect(spec.rounds).toEqual({
      start: 1,
      length: 2,
      times: 3,
      step: "sinusoidal",
      halt: { threshold: 0.99, cost: 0.01 },
    });
    expect(spec.layers).toHaveLength(7);
    expect(canonicalSpec(spec)).toEqual(spec);
    expect(specOf({})).not.toHaveProperty("rounds");
    expect(() => canonicalSpec({ ...spec, rounds: { ...spec.rounds, times: 4 } })).toThrow(
      /rounds: expected start .* ≤ 7.*, got 9\. \[E_SPEC_ROUNDS\]$/,
    );
  });
});
