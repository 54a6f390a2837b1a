import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { type DenoiseOptions, denoise, type Predict } from "./denoise.ts";
import { noiseOf } from "./noise.ts";
import { candidate, chooseReveals, revealSchedule } from "./reveal.ts";

const vocabulary = 6;
const mask = 5;

/** Scores that depend on the place and on how much of the text is revealed; the mask is impossible. */
const predict: Predict = (ids, { start, end }) => {
  const shown = ids.reduce((sum, id) => sum + (id === mask ? 0 : 1), 0);
  const rng = createRng(shown);
  const draws = Array.from({ length: end }, () =>
    Array.from({ length: vocabulary }, (_, id) => (id === mask ? Number.NEGATIVE_INFINITY : 4 * rng.uniform())),
  );
  return draws.slice(start).flat();
};

const options = (more: Partial<DenoiseOptions>): DenoiseOptions => ({
  vocabulary,
  mask,
  start: 0,
  block: 8,
  steps: 8,
  temperature: 0,
  remasking: "low-confidence",
  noise: noiseOf(createRng(1), vocabulary),
  ...more,
});

/** Masks left before every call of the model, and at the end. */
async function masksLeft(length: number, more: Partial<DenoiseOptions>): Promise<number[]> {
  const ids = new Int32Array(length).fill(mask);
  const left: number[] = [];
  const count = () => left.push(ids.filter((id) => id === mask).length);
  for await (const _ of denoise(ids, predict, options(more), count));
  count();
  return left;
}

describe("[llada-sampler] the number of masks", () => {
  test("falls to none in one parallel step", async () => {
    expect(await masksLeft(8, { steps: 1 })).toEqual([8, 0]);
  });

  test("falls by one token a step where there are as many steps as tokens", async () => {
    expect(await masksLeft(8, { steps: 8 })).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  test("falls by equal shares, the first steps one more, block by block", async () => {
    expect(await masksLeft(16, { steps: 3 })).toEqual([16, 13, 10, 8, 5, 2, 0]);
    expect(await masksLeft(11, { steps: 8 })).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  test("is spread exactly for any number of masks and steps", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 60 }), (masks, steps) => {
        const schedule = revealSchedule(masks, steps);
        expect(schedule.reduce((sum, count) => sum + count, 0)).toBe(masks);
        expect(Math.max(...schedule) - Math.min(...schedule)).toBeLessThanOrEqual(1);
        expect(schedule).toEqual(schedule.toSorted((a, b) => b - a));
      }),
    );
  });

  test("falls slowly at first under MaskGIT's paces", async () => {
    expect(await masksLeft(8, { steps: 4, pace: "cosine" })).toEqual([8, 7, 5, 3, 0]);
    expect(await masksLeft(8, { steps: 4, pace: "linear" })).toEqual([8, 6, 4, 2, 0]);
    expect(revealSchedule(3, 6, { pace: "cosine" }).reduce((a, b) => a + b)).toBe(3);
  });

  test("falls faster where a threshold says that the model is sure", async () => {
    expect(await masksLeft(8, { steps: 8, threshold: 0 })).toEqual([8, 0]);
    expect(await masksLeft(8, { steps: 8, threshold: 1 })).toHaveLength(9);
  });
});

describe("a denoising step", () => {
  test("reveals the most confident places and leaves the others masked", () => {
    expect(chooseReveals([0.2, 0.9, 0.9, 0.5], { count: 2 })).toEqual([1, 2]);
    expect(chooseReveals([0.2, 0.9, 0.8, 0.5], { count: 1, threshold: 0.4 })).toEqual([1, 2, 3]);
    expect(chooseReveals([0.2, 0.3], { count: 1, threshold: 0.4 })).toEqual([1]);
  });

  test("replaces what stands where the model is sure of another token, if it may edit", async () => {
    const sure: Predict = (text, { start, end }) =>
      Array.from({ length: end - start }, (_, i) =>
        // Place 0 comes first and is 0, but 1 as soon as place 3 is known, which comes second.
        [0, 1, 2, 3, 4, 5].map((id) => {
          const wanted = start + i === 0 ? (text[3] === mask ? 0 : 1) : 2;
          return id === wanted ? [6, 3, 4, 5][start + i]! : 0;
        }),
      ).flat();
    const written = async (editing?: number) => {
      const ids = new Int32Array(4).fill(mask);
      for await (const _ of denoise(ids, sure, options({ block: 4, steps: 4, editing })));
      return Array.from(ids);
    };
    expect(await written()).toEqual([0, 2, 2, 2]);
    expect(await written(0.5)).toEqual([1, 2, 2, 2]);
  });

  test("takes the likeliest token at temperature 0, and is as sure as its probability", () => {
    const { id, confidence } = candidate([0, Math.log(3), 0], { temperature: 0 });
    expect(id).toBe(1);
    expect(confidence).toBeCloseTo(0.6, 12);
  });

  test("draws tokens by their probability at temperature 1, and is as sure as without noise", () => {
    const logits = [0, 1, 2];
    const rng = createRng(3);
    const counts = [0, 0, 0];
    for (let i = 0; i < 20_000; i++)
      counts[candidate(logits, { temperature: 1, uniforms: [rng.uniform(), rng.uniform(), rng.uniform()] }).id]!++;
    const sum = 1 + Math.E + Math.E ** 2;
    logits.forEach(
      (score, id) => void expect(Math.abs(counts[id]! / 20_000 - Math.exp(score) / sum)).toBeLessThan(0.015),
    );
    expect(candidate(logits, { temperature: 1, uniforms: [1 - 1e-9, 0.5, 0.5] })).toEqual({
      id: 0,
      confidence: expect.closeTo(1 / sum, 12),
    });
  });

  test("keeps prompt and revealed tokens, and blocks come from left to right", async () => {
    const ids = Int32Array.of(1, 2, 3, ...new Array<number>(10).fill(mask));
    const blocks = [];
    for await (const block of denoise(ids, predict, options({ start: 3, block: 4, steps: 2 }))) {
      blocks.push(block);
      expect(ids.indexOf(mask)).toBe(block.end === ids.length ? -1 : block.end);
    }
    expect(blocks).toEqual([
      { start: 3, end: 7 },
      { start: 7, end: 11 },
      { start: 11, end: 13 },
    ]);
    expect(Array.from(ids.subarray(0, 3))).toEqual([1, 2, 3]);
  });
});
