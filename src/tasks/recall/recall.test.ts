import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { taskSuite } from "../../testing/task-suite.ts";
import { associativeRecall } from "./associative-recall.ts";
import { crossModalRecall } from "./cross-modal-recall.ts";
import { fuzzyRecall } from "./fuzzy-recall.ts";
import { inContextRecall } from "./in-context-recall.ts";
import { inContextRegression } from "./in-context-regression.ts";
import { induction } from "./induction.ts";
import { memorisation } from "./memorisation.ts";
import { mqar } from "./mqar.ts";
import { selectiveCopy } from "./selective-copy.ts";
import { afterLastSuffix, fuzzyAnswer, nearestAnswer, recallAnswer, shownValue } from "./solvers.fixture.ts";

taskSuite(associativeRecall, {
  configs: [
    { c: {}, lengths: [3, 20] },
    { c: { keys: 5, values: 3 }, lengths: [5] },
  ],
  solve: (read) => recallAnswer(read),
});

taskSuite(mqar, {
  configs: [
    { c: {}, lengths: [32] },
    { c: { vocabulary: 32, pairs: 8, filler: "random", power: 1 }, lengths: [32, 65] },
  ],
  solve: (read, { pairs }) => shownValue(read, pairs),
});

taskSuite(inContextRecall, {
  configs: [
    { c: {}, lengths: [16, 41] },
    { c: { queries: "all" }, lengths: [24] },
    { c: { noise: 6, noiseRatio: 0.4 }, lengths: [32] },
  ],
  solve: (read) => recallAnswer(read),
});

taskSuite(fuzzyRecall, {
  configs: [
    { c: {}, lengths: [40] },
    { c: { keys: 5, values: 9, keySize: 1, valueSize: 4 }, lengths: [33] },
  ],
  solve: (read, { keys, values }) => fuzzyAnswer(read, { keys, values }),
});

taskSuite(crossModalRecall, {
  configs: [
    { c: {}, lengths: [2, 20] },
    { c: { words: 3, side: 12, noise: 0, queries: 2 }, lengths: [30] },
    { c: { side: 30, noise: 2, queries: 1 }, lengths: [10] },
  ],
  solve: (read, { words, side }) => nearestAnswer(read, { words, side }),
});

const learnt = new Map<string, number>();
taskSuite(memorisation, {
  configs: [
    { c: { keys: 6 }, lengths: [12] },
    { c: { mapSeed: 4 }, lengths: [9] },
  ],
  solve(read, c) {
    // What the same key was worth in a long example of another seed: the map is the same in all.
    const name = (key: number) => `${c.keys} ${c.mapSeed} ${key}`;
    if (!learnt.has(name(0))) {
      const { inputs, targets } = memorisation.sample(createRng(999), { length: 1000, c });
      for (let place = 1; place < inputs.length; place += 2) learnt.set(name(inputs[place - 1]!), targets[place]!);
    }
    return learnt.get(name(read.at(-2)!));
  },
});

taskSuite(selectiveCopy, {
  configs: [
    { c: {}, lengths: [24, 48] },
    { c: { blanks: "behind", symbols: 3, tokens: 5 }, lengths: [15] },
  ],
  solve(read, { symbols }) {
    const place = read.indexOf(symbols + 1);
    return read.slice(0, place).filter((id) => id !== symbols)[read.length - place - 2];
  },
});

taskSuite(induction, {
  configs: [
    { c: {}, lengths: [16, 40] },
    { c: { symbols: 5, lag: 5 }, lengths: [20] },
  ],
  solve: (read) => afterLastSuffix(read, 1),
});

taskSuite(inContextRegression, {
  configs: [
    { c: {}, lengths: [4, 8] },
    { c: { modulus: 5 }, lengths: [6] },
  ],
  solve(read, { modulus: p }) {
    const [x, y] = read.slice(-2) as [number, number];
    const triples = Array.from({ length: (read.length - 2) / 3 }, (_, i) => read.slice(3 * i, 3 * i + 3));
    const maps = Array.from({ length: p }, (_, a) => Array.from({ length: p }, (_, b) => [a, b] as const)).flat();
    const fits = maps.filter(([a, b]) => triples.every(([x, y, z]) => (a * x! + b * y! - z!) % p === 0));
    const answers = new Set(fits.map(([a, b]) => (a * x + b * y) % p));
    expect(answers.size).toBe(1);
    return [...answers][0];
  },
});

describe("rows", () => {
  test("[selective-copy] an oracle of selective copying that drops blanks is always right; order and last place are kept", () => {
    const c = { symbols: 14, tokens: 8, blanks: "among" } as const;
    const places = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const { inputs, targets, mask } = selectiveCopy.sample(createRng(seed), { length: 64, c });
      const given = [...inputs.subarray(0, 55)].flatMap((id, place) => (id < 14 ? [{ id, place }] : []));
      expect(given.map(({ id }) => id)).toEqual([...targets].filter((_, place) => mask[place] === 1));
      expect(given.at(-1)!.place).toBe(54);
      for (const { place } of given) places.add(place);
    }
    expect(places.size).toBe(55);
  });

  test("every key of multi-query recall is asked once; gaps are drawn ∝ (gap + 1)^(a − 1)", () => {
    const c = { vocabulary: 64, pairs: 4, power: 0.01, filler: "zero" } as const;
    const firstGaps = Array.from({ length: 400 }, (_, seed) => {
      const { inputs } = mqar.sample(createRng(seed), { length: 64, c });
      const asked = [...inputs.subarray(8)].flatMap((id, i) => (id === 0 ? [] : [{ id, gap: i / 2 }]));
      expect(asked.map(({ id }) => id).sort()).toEqual([0, 2, 4, 6].map((i) => inputs[i]!).sort());
      return asked.find(({ id }) => id === inputs[0])!.gap;
    });
    const weights = Array.from({ length: 28 }, (_, gap) => (gap + 1) ** -0.99);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const least of [0, 1, 4, 12]) {
      const expected = weights.slice(least).reduce((sum, weight) => sum + weight, 0) / total;
      const found = firstGaps.filter((gap) => gap >= least).length / firstGaps.length;
      expect(Math.abs(found - expected)).toBeLessThanOrEqual(4 * Math.sqrt((expected * (1 - expected)) / 400) + 1e-9);
    }
  });

  test("the lag of an induction sequence differs from example to example, and so does its beginning", () => {
    const c = { symbols: 32, lag: 16 };
    const firsts = Array.from({ length: 200 }, (_, seed) =>
      induction.sample(createRng(seed), { length: 40, c }).mask.indexOf(1),
    );
    expect(new Set(firsts).size).toBeGreaterThan(20);
  });
});
