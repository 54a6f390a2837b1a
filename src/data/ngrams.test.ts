import { expect, test } from "vitest";
import { createRng } from "../ops/index.ts";
import { ngramBits } from "./ngrams.ts";

const ids = (length: number, seed: number, next: (last: number, draw: number) => number) => {
  const rng = createRng(seed);
  let last = 0;
  return Int32Array.from({ length }, () => {
    last = next(last, rng.below(4));
    return last;
  });
};

test("ids drawn one by one cost their entropy, whatever the context", () => {
  const drawn = (seed: number) => ids(20_000, seed, (_, draw) => draw);
  const bits = ngramBits({ train: drawn(1), validation: drawn(2), vocabulary: 4 }, 3);
  for (const one of bits) expect(one).toBeCloseTo(2, 1);
});

test("where each id follows from the last, a context of one costs next to nothing", () => {
  const cycle = (seed: number) => ids(4000, seed, (last) => (last + 1) % 7);
  const [none, one, two] = ngramBits({ train: cycle(1), validation: cycle(2), vocabulary: 7 }, 2);
  expect(none).toBeCloseTo(Math.log2(7), 2);
  expect(one).toBeLessThan(0.02);
  expect(two).toBeLessThan(0.02);
});

test("probabilities of all ids add up to one, also of contexts and ids that never came", () => {
  const train = Int32Array.of(0, 1, 0, 2, 0, 1);
  const sum = (before: number) =>
    [0, 1, 2, 3, 4].reduce((total, id) => {
      const bits = ngramBits({ train, validation: Int32Array.of(before, id), vocabulary: 5 }, 1);
      return total + 2 ** -bits[1]!;
    }, 0);
  for (const before of [0, 1, 2, 4]) expect(sum(before)).toBeCloseTo(1, 12);
});
