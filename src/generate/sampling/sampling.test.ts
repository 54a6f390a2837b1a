import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { minP, penaliseRepetition, temper, topK, topP } from "./filters.ts";
import { createSampler, drawFrom, greedy, uniformAt } from "./sampler.ts";
import { argmax, logSoftmax, softmax } from "./softmax.ts";

const scores = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 40 });
const kept = (logits: ArrayLike<number>) =>
  Array.from(logits).flatMap((score, id) => (score === Number.NEGATIVE_INFINITY ? [] : [id]));

describe("probabilities", () => {
  test("sum to 1 also where scores are huge", () => {
    const p = softmax([1e4, 1e4 - 1, -1e4]);
    expect(p[0]! + p[1]!).toBeCloseTo(1, 12);
    expect(p[0]! / p[1]!).toBeCloseTo(Math.E, 9);
    expect(Math.exp(logSoftmax([1e4, 1e4 - 1, -1e4])[1]!)).toBeCloseTo(p[1]!, 12);
  });

  test("a draw falls into the interval of its id", () => {
    expect([0, 0.25, 0.49, 0.5, 0.999].map((u) => drawFrom([0.25, 0, 0.25, 0.5], u))).toEqual([0, 2, 2, 3, 3]);
    expect(drawFrom([0.5, 0.499999, 0], 0.9999999)).toBe(1);
  });
});

describe("filters", () => {
  test("top-k keeps k and what equals the k-th", () => {
    expect(kept(topK([3, 1, 2, 2, 0], 2))).toEqual([0, 2, 3]);
    expect(kept(topK([3, 1, 2], 9))).toEqual([0, 1, 2]);
  });

  test("top-p keeps the fewest likeliest ids that reach p", () => {
    const logits = [0.5, 0.2, 0.2, 0.1].map(Math.log);
    expect(kept(topP(logits, 0.5))).toEqual([0]);
    expect(kept(topP(logits, 0.6))).toEqual([0, 1]);
    expect(kept(topP(logits, 1))).toEqual([0, 1, 2, 3]);
  });

  test("the likeliest id survives every filter", () => {
    fc.assert(
      fc.property(scores, fc.double({ min: 0.001, max: 1, noNaN: true }), (logits, share) => {
        for (const result of [topK(logits, 1), topP(logits, share), minP(logits, share)])
          expect(kept(result)).toContain(argmax(logits));
      }),
    );
  });

  test("a penalty lowers what occurred, once", () => {
    expect(Array.from(penaliseRepetition([2, -2, 4], 2, [0, 0, 1]))).toEqual([1, -4, 4]);
  });

  test("arguments stay as they are", () => {
    const logits = Float64Array.of(1, 2, 3);
    const results = [
      temper(logits, 2),
      topK(logits, 1),
      topP(logits, 0.1),
      minP(logits, 0.9),
      penaliseRepetition(logits, 2, [2]),
    ];
    for (const result of results) expect(result).not.toEqual(logits);
    expect(logits).toEqual(Float64Array.of(1, 2, 3));
  });
});

describe("a sampler", () => {
  const at = (u: number, ids: number[] = []) => ({ ids, uniform: () => u });

  test("[autoregressive-decode] at temperature → 0 equals greedy", () => {
    const separated = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(separated, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (integers, u) => {
        const logits = integers.map((value) => value / 10);
        for (const temperature of [0, 1e-4, 1e-6])
          expect(createSampler({ temperature })(logits, at(u))).toBe(greedy(logits, at(u)));
      }),
    );
  });

  test("draws ids as often as their probabilities say", () => {
    const sampler = createSampler({ topK: 3 });
    const rng = createRng(5);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) counts[sampler([1, 0, 2, -1], { ids: [], uniform: () => uniformAt(rng, i) })]!++;
    const expected = softmax([1, 0, 2]);
    expected.forEach(
      (p, id) => void expect(Math.abs(counts[id]! / 20_000 - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 20_000)),
    );
    expect(counts[3]).toBe(0);
  });

  test("a draw depends on seed and position only", () => {
    const [a, b] = [createRng(9), createRng(9)];
    b.uniform();
    expect(uniformAt(a, 4)).toBe(uniformAt(b, 4));
    expect(uniformAt(a, 4)).not.toBe(uniformAt(a, 5));
  });

  test("penalises what prompt and text hold", () => {
    expect(createSampler({ temperature: 0, repetitionPenalty: 3 })([2, 1], at(0, [0]))).toBe(1);
  });

  test("refuses what is no setting", () => {
    expect(() => createSampler({ topP: 0 })).toThrow(/^sampler\.topP: .*E_SAMPLER/);
    expect(() => createSampler({ temperature: -1 })).toThrow(/^sampler\.temperature: .*E_SAMPLER/);
  });
});
