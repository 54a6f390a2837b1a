import { describe, expect, test } from "vitest";
import { createRng, keptShares } from "../../ops/index.ts";
import { ancestral, drawn, rememberLast } from "./ancestral.ts";
import type { Predict } from "./denoise.ts";
import { noiseOf } from "./noise.ts";
import { absorbingStep, type ReverseStep, strides, uniformStep } from "./reverse-steps.ts";

/** Texts of two tokens out of three ids: mostly equal ones. */
const joint = [0.3, 0.02, 0.02, 0.02, 0.3, 0.02, 0.02, 0.02, 0.28];
const ids = 3;
const mask = ids;
const log = (p: number) => (p > 0 ? Math.log(p) : Number.NEGATIVE_INFINITY);

/** p(x₀ = id at a place | the other place), and none for the mask; `blind` does not look at the other place. */
const modelOf =
  (classes: number, { blind = false } = {}): Predict =>
  (text, { start, end }) =>
    Array.from({ length: end - start }, (_, i) => {
      const other = text[1 - (start + i)]!;
      const at = (id: number, k: number) => joint[start + i === 0 ? id * ids + k : k * ids + id]!;
      const known = other === mask || blind ? [0, 1, 2] : [other];
      const p = [0, 1, 2].map((id) => known.reduce((sum, k) => sum + at(id, k), 0));
      return Array.from({ length: classes }, (_, id) => log(p[id] ?? 0));
    }).flat();

interface Way {
  classes: number;
  steps: readonly ReverseStep[];
  predict: Predict;
  /** What a place begins as. */
  begin(uniform: number): number;
}

/** Shares of the nine texts among `count` that are written. */
async function written({ classes, steps, predict, begin }: Way, count: number): Promise<number[]> {
  const shares = joint.map(() => 0);
  for (let seed = 0; seed < count; seed++) {
    const rng = createRng(seed);
    const text = Int32Array.of(begin(rng.uniform()), begin(rng.uniform()));
    const options = { vocabulary: classes, start: 0, block: 2, temperature: 1, steps, noise: noiseOf(rng, classes) };
    for await (const _ of ancestral(text, predict, options));
    shares[text[0]! * ids + text[1]!]! += 1 / count;
  }
  return shares;
}

const distance = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, p, i) => sum + Math.abs(p - b[i]!), 0) / 2;

const masked = (count: number): Way => ({
  classes: ids + 1,
  steps: Array.from({ length: count }, (_, i) => absorbingStep({ mask, from: 1 - i / count, to: 1 - (i + 1) / count })),
  predict: modelOf(ids + 1),
  begin: () => mask,
});

describe("[d3pm-discrete] ancestral sampling", () => {
  test("of absorbing noise comes closer to the joint distribution with every doubling of its steps", async () => {
    const distances: number[] = [];
    for (const steps of [1, 4, 32]) distances.push(distance(await written(masked(steps), 3000), joint));
    // Both tokens at once come from their marginals; two of n steps coincide with probability 1/n.
    expect(distances[0]!).toBeGreaterThan(0.4);
    expect(distances[1]!).toBeLessThan(distances[0]! / 2);
    expect(distances[2]!).toBeLessThan(0.05);
  });

  test("of uniform noise writes each token by its own distribution, at any stride", async () => {
    const marginal = [0.34, 0.34, 0.32];
    for (const count of [4, 16]) {
      const kept = keptShares("cosine", 16);
      const steps = strides(16, count).map(({ from, to }) => uniformStep({ from: kept[from]!, to: kept[to]! }));
      const predict = modelOf(ids, { blind: true });
      const shares = await written({ classes: ids, steps, predict, begin: (u) => Math.floor(u * ids) }, 3000);
      const independent = joint.map((_, i) => marginal[Math.floor(i / ids)]! * marginal[i % ids]!);
      expect(distance(shares, independent)).toBeLessThan(0.05);
    }
  });
});

describe("a reverse step", () => {
  test("from the first time is the prediction itself", () => {
    const p = Float64Array.of(0.2, 0.5, 0.3, 0);
    expect(Array.from(absorbingStep({ mask, from: 0.25, to: 0 }).weights(p, mask))).toEqual([0.05, 0.125, 0.075, 0]);
    const back = uniformStep({ from: 0.75, to: 1 }).weights(p.subarray(0, 3), 1);
    // q(x_1 | x_0)·p(x_0): the token itself with 0.75 + 0.25/3, another with 0.25/3.
    [0.2 / 12, 0.5 * (0.75 + 1 / 12), 0.3 / 12].forEach((value, i) => void expect(back[i]).toBeCloseTo(value, 12));
  });

  test("sums to q(x_t) whatever the time before", () => {
    const p = Float64Array.of(0.1, 0.6, 0.3);
    const sums = [0.5, 0.7, 1].map((to) => uniformStep({ from: 0.4, to }).weights(p, 2) as Float64Array);
    for (const row of sums) expect(row.reduce((a, b) => a + b)).toBeCloseTo(0.6 / 3 + 0.4 * 0.3, 12);
  });

  test("draws by its weights", () => {
    const rng = createRng(5);
    const counts = [0, 0, 0];
    for (let i = 0; i < 20_000; i++) counts[drawn([1, 3, 0], [rng.uniform(), rng.uniform(), rng.uniform()])]!++;
    expect(counts[2]).toBe(0);
    expect(Math.abs(counts[0]! / 20_000 - 0.25)).toBeLessThan(0.015);
  });
});

test("times are spread evenly, each once", () => {
  expect(strides(10, 4)).toEqual([
    { from: 10, to: 8 },
    { from: 8, to: 5 },
    { from: 5, to: 3 },
    { from: 3, to: 0 },
  ]);
  expect(strides(3, 50).map(({ from }) => from)).toEqual([3, 2, 1]);
});

test("the model is asked only where the text has changed, and never once nothing may change", async () => {
  let asked = 0;
  const predict: Predict = (text, range) => {
    asked++;
    return modelOf(ids + 1)(text, range);
  };
  const way = { ...masked(64), predict: rememberLast(predict) };
  await written(way, 1);
  expect(asked).toBeLessThanOrEqual(2);
});
