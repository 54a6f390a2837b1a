import { describe, expect, test } from "vitest";
import { createRng } from "./rng.ts";
import { type NoiseKind, type NoiseOptions, noisedIds, spoil } from "./text-noise.ts";

const length = 200;
const [mask, stop] = [1000, 7];
/** Sentences of 8 ids, the last of them a stop; every other id of a sentence comes once in the text. */
const ids = Int32Array.from({ length }, (_, i) => (i % 8 === 7 ? stop : 10 + i));
const options: NoiseOptions = { noise: [], share: 0.3, span: 3, mask, stops: new Set([stop]) };
const seeds = Array.from({ length: 400 }, (_, seed) => seed);

const spoiled = (kind: NoiseKind, seed: number, more: Partial<NoiseOptions> = {}): number[] =>
  Array.from(spoil(ids, { ...options, ...more, noise: [kind] }, createRng(seed)));
const masks = (text: readonly number[]): number => text.filter((id) => id === mask).length;
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
/** Whether what is left of the text stands in its order. */
const inOrder = (text: readonly number[]): boolean => {
  let at = 0;
  for (const id of text) {
    while (at < length && ids[at] !== id) at++;
    if (at++ >= length) return false;
  }
  return true;
};

describe("[bart] what noise leaves of 200 tokens", () => {
  test("masking keeps the length, deletion takes a share of the tokens out", () => {
    for (const seed of seeds.slice(0, 20)) {
      const masked = spoiled("mask", seed);
      expect(masked).toHaveLength(length);
      expect(masks(masked)).toBe(60);
      for (const [i, id] of masked.entries()) expect([mask, ids[i]]).toContain(id);
      const left = spoiled("delete", seed);
      expect(left).toHaveLength(140);
      expect(inOrder(left)).toBe(true);
    }
  });

  test("infilling takes as many, in spans whose lengths are Poisson's: 3 on average, none at all in e⁻³ of them", () => {
    const texts = seeds.map((seed) => spoiled("infill", seed));
    for (const text of texts) {
      expect(text).toHaveLength(140 + masks(text));
      expect(inOrder(text.filter((id) => id !== mask))).toBe(true);
    }
    // The last span is cut to fit, so that about half a span more than 60 / 3 is drawn.
    const spans = mean(texts.map(masks));
    expect(spans).toBeGreaterThan(20);
    expect(spans).toBeLessThan(21);
    expect(mean(seeds.map((seed) => masks(spoiled("infill", seed, { span: 6 }))))).toBeCloseTo(60 / 6 + 0.55, 0);
  });

  test("a span of no tokens puts a mask between two that stay", () => {
    const empty = seeds.map((seed) => {
      const text = spoiled("infill", seed, { span: 3 });
      const kept = text.flatMap((id, i) => (id === mask ? [] : [{ id, i }]));
      return kept.filter(({ id, i }, k) => {
        const next = kept[k + 1];
        const neighbours = next && Array.from(ids).some((x, at) => x === id && ids[at + 1] === next.id);
        return neighbours && id !== stop && next.id !== stop && next.i === i + 2;
      }).length;
    });
    // 20 spans, e⁻³ of them empty, three quarters of their places between two ids of a sentence that both stay there.
    expect(mean(empty)).toBeGreaterThan(0.3);
    expect(mean(empty)).toBeLessThan(20 * Math.exp(-3));
  });

  test("permutation moves whole sentences, rotation the beginning; neither changes a token", () => {
    const sorted = (text: ArrayLike<number>) => Array.from(text).sort((a, b) => a - b);
    const firsts = new Set<number>();
    for (const seed of seeds.slice(0, 100)) {
      const moved = spoiled("permute", seed);
      expect(sorted(moved)).toEqual(sorted(ids));
      for (let from = 0; from < length; from += 8) {
        const first = moved[from]!;
        expect((first - 10) % 8).toBe(0);
        expect(moved.slice(from, from + 8)).toEqual(Array.from(ids.subarray(first - 10, first - 2)));
      }
      const turned = spoiled("rotate", seed);
      firsts.add(turned[0]!);
      const start = turned.indexOf(10);
      expect([...turned.slice(start), ...turned.slice(0, start)]).toEqual(Array.from(ids));
    }
    expect(firsts.size).toBeGreaterThan(60);
  });

  test("noises follow one another, and depend on the seed alone", () => {
    const both = { ...options, noise: ["permute", "infill"] } as const;
    const once = spoil(ids, both, createRng(5));
    expect(spoil(ids, both, createRng(5))).toEqual(once);
    expect(spoil(ids, both, createRng(6))).not.toEqual(once);
    expect(once.length).toBe(140 + masks(Array.from(once)));
    expect(inOrder(Array.from(once).filter((id) => id !== mask))).toBe(false);
  });

  test("at least one token is taken away, never all; no text grows", () => {
    expect([noisedIds(2, 0.01), noisedIds(2, 0.9), noisedIds(10, 0.3)]).toEqual([1, 1, 3]);
    for (const seed of seeds)
      for (const size of [2, 3, 5]) {
        const text = spoil(ids.subarray(0, size), { ...options, noise: ["infill"], span: 0.1 }, createRng(seed));
        expect(text.length).toBeLessThanOrEqual(size);
        expect(text.length).toBeGreaterThan(0);
      }
    expect(spoil(ids.subarray(0, 1), { ...options, noise: ["delete"] }, createRng(1))).toEqual(ids.subarray(0, 1));
  });
});
