import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { biasSequences, force, guide, hastenEnd, replaceNonFinite } from "./constraints.ts";
import { cutBelow, cutByEntropy, minP, temper, topH, topK, topP, typical } from "./filters.ts";
import { forbidNgrams, penaliseRepetition } from "./repetition.ts";
import { createSampler, drawFrom, greedy, type SamplerInput, uniformAt } from "./sampler.ts";
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
        const cuts = [topK(logits, 1), topP(logits, share), minP(logits, share), cutBelow(logits, share)];
        for (const result of [...cuts, cutByEntropy(logits, share), topH(logits, share)])
          expect(kept(result)).toContain(argmax(logits));
      }),
    );
  });

  test("the typical set holds its mass and stays nearest to the entropy", () => {
    fc.assert(
      fc.property(scores, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (logits, mass) => {
        const p = softmax(logits);
        const H = p.reduce((sum, q) => sum - (q === 0 ? 0 : q * Math.log(q)), 0);
        const ids = new Set(kept(typical(logits, mass)));
        const distances = Array.from(p, (q, id) => ({ inside: ids.has(id), distance: Math.abs(-Math.log(q) - H) }));
        const [inside, outside] = [true, false].map((side) => distances.filter((at) => at.inside === side));
        expect([...ids].reduce((sum, id) => sum + p[id]!, 0)).toBeGreaterThanOrEqual(mass - 1e-9);
        const furthest = Math.max(...inside!.map(({ distance }) => distance));
        for (const { distance } of outside!) expect(distance).toBeGreaterThanOrEqual(furthest);
      }),
    );
  });

  test("epsilon and eta cut by probability, eta less where the distribution is flat", () => {
    const logits = [0.5, 0.3, 0.15, 0.05].map(Math.log);
    expect(kept(cutBelow(logits, 0.1))).toEqual([0, 1, 2]);
    expect(kept(cutBelow(logits, 0.9))).toEqual([0]);
    const flat = Array.from({ length: 50 }, (_, id) => Math.log(id < 25 ? 0.021 : 0.019));
    expect(kept(cutBelow(flat, 0.02))).toHaveLength(25);
    expect(kept(cutByEntropy(flat, 0.02))).toHaveLength(50);
  });

  test("a penalty lowers what occurred, once", () => {
    expect(Array.from(penaliseRepetition([2, -2, 4], 2, [0, 0, 1]))).toEqual([1, -4, 4]);
  });

  test("no n-gram comes twice", () => {
    const zeros = new Array<number>(5).fill(0);
    expect(kept(forbidNgrams(zeros, 2, { ids: [1, 2, 3, 1] }))).toEqual([0, 1, 3, 4]);
    expect(kept(forbidNgrams(zeros, 1, { ids: [1, 2] }))).toEqual([0, 3, 4]);
    expect(kept(forbidNgrams(zeros, 4, { ids: [1, 2] }))).toEqual([0, 1, 2, 3, 4]);
    expect(kept(forbidNgrams(zeros, 2, { ids: [2], seen: [1, 2, 4] }))).toEqual([0, 1, 2, 3]);
  });

  test("a sequence's bias counts once the rest of it stands there", () => {
    const biases = [
      { ids: [1, 2], bias: 5 },
      { ids: [2], bias: -1 },
    ];
    expect([...biasSequences([0, 0, 0], biases, [0, 1])]).toEqual([0, 0, 4]);
    expect([...biasSequences([0, 0, 0], biases, [1, 0])]).toEqual([0, 0, -1]);
  });

  test("forced ids, hastened ends, repaired scores and guidance", () => {
    expect(kept(force([3, 2, 1], [1, 2]))).toEqual([1, 2]);
    expect([...hastenEnd([1, -2], { excess: 2, factor: 2, end: [0, 1] })]).toEqual([4, 4]);
    expect([...hastenEnd([1, -2], { excess: 0, factor: 2, end: [0, 1] })]).toEqual([1, -2]);
    const [nan, infinite] = replaceNonFinite([Number.NaN, Number.NEGATIVE_INFINITY]);
    expect(nan).toBe(0);
    expect(infinite).toBe(-Math.fround(3.4028234663852886e38));
    expect([...guide([2, 1], [1, 1], 3)]).toEqual([4, 1]);
  });

  test("arguments stay as they are", () => {
    const logits = Float64Array.of(1, 2, 3);
    const results = [
      temper(logits, 2),
      topK(logits, 1),
      topP(logits, 0.1),
      minP(logits, 0.9),
      penaliseRepetition(logits, 2, [2]),
      typical(logits, 0.1),
      topH(logits, 0.1),
      cutBelow(logits, 0.5),
      biasSequences(logits, [{ ids: [0], bias: 1 }], []),
      forbidNgrams(logits, 1, { ids: [0] }),
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

  test("applies every setting of its table", () => {
    const logits = [3, 2, 1, 0];
    const likeliest = (options: SamplerInput, ids: number[] = []) =>
      createSampler({ temperature: 0, ...options })(logits, at(0, ids));
    expect(likeliest({ bias: [{ ids: [3], bias: 9 }] })).toBe(3);
    expect(likeliest({ noRepeatNgram: 1 }, [0])).toBe(1);
    expect(likeliest({ forbidden: [[0], [2, 1]] }, [2])).toBe(2);
    expect(likeliest({ minLength: { tokens: 2, end: [0] } }, [2])).toBe(1);
    expect(likeliest({ minLength: { tokens: 2, end: [0] } }, [2, 2])).toBe(0);
    expect(likeliest({ endPressure: { tokens: 1, factor: 3, end: [2] } }, [2, 2])).toBe(0);
    expect(likeliest({ endPressure: { tokens: 1, factor: 3, end: [2] } }, [2, 2, 2])).toBe(2);
    const last = (options: SamplerInput) => createSampler(options)(logits, at(0.999999));
    expect(last({})).toBe(3);
    const cuts = [{ topK: 2 }, { topP: 0.7 }, { minP: 0.3 }, { epsilon: 0.2 }, { topH: 0.7 }, { typical: 0.5 }];
    for (const options of cuts) expect(last(options), JSON.stringify(options)).toBeLessThan(2);
    expect(last({ eta: 0.9 })).toBeLessThan(3);
  });

  test("says so where nothing is left", () => {
    expect(() => createSampler({ noRepeatNgram: 1 })([1, 2], at(0, [0, 1]))).toThrow(/E_SAMPLER_EMPTY/);
  });

  test("refuses what is no setting", () => {
    expect(() => createSampler({ topP: 0 })).toThrow(/^sampler\.topP: .*E_SAMPLER/);
    expect(() => createSampler({ temperature: -1 })).toThrow(/^sampler\.temperature: .*E_SAMPLER/);
  });
});
