import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "../ops/index.ts";
import {
  copyExample,
  modularAdditionExample,
  recallExample,
  reversalExample,
  type SyntheticExample,
} from "./synthetic.ts";

const sizes = { seed: fc.nat(), length: fc.integer({ min: 1, max: 12 }) };

/** The whole sequence, and the targets that are scored. */
function read({ inputs, targets, mask }: SyntheticExample) {
  expect([...targets.slice(0, -1)]).toEqual([...inputs.slice(1)]);
  expect(mask).toHaveLength(inputs.length);
  return { sequence: [...inputs, targets.at(-1)!], scored: [...targets].filter((_, i) => mask[i]) };
}

describe("synthetic tasks", () => {
  test("copy and reversal score the second half", () => {
    fc.assert(
      fc.property(fc.record(sizes), ({ seed, length }) => {
        const copy = read(copyExample(createRng(seed), { length, symbols: 5 }));
        const given = copy.sequence.slice(0, length);
        expect(given.every((symbol) => symbol >= 0 && symbol < 5)).toBe(true);
        expect(copy).toEqual({ sequence: [...given, 5, ...given], scored: given });
        const reversal = read(reversalExample(createRng(seed), { length, symbols: 5 }));
        expect(reversal).toEqual({ sequence: [...given, 5, ...given.toReversed()], scored: given.toReversed() });
      }),
    );
  });

  test("recall asks for the value of a key that was given once", () => {
    fc.assert(
      fc.property(fc.record(sizes), ({ seed, length }) => {
        const { sequence, scored } = read(recallExample(createRng(seed), { length, keys: length + 3, values: 4 }));
        const asked = sequence.at(-2)!;
        const keys = sequence.slice(0, 2 * length).filter((_, i) => i % 2 === 0);
        expect(sequence).toHaveLength(2 * length + 2);
        expect(new Set(keys).size).toBe(length);
        expect(Math.max(...keys)).toBeLessThan(length + 3);
        expect(scored).toEqual([sequence[2 * keys.indexOf(asked) + 1]]);
        expect(scored[0]).toBeGreaterThanOrEqual(length + 3);
        expect(scored[0]).toBeLessThan(length + 7);
      }),
    );
  });

  test("modular addition scores the sum", () => {
    fc.assert(
      fc.property(fc.record(sizes), ({ seed, length }) => {
        const { sequence, scored } = read(modularAdditionExample(createRng(seed), { length, modulus: 11 }));
        const sum = sequence.slice(0, length).reduce((a, b) => a + b);
        expect(sequence.slice(length)).toEqual([11, sum % 11]);
        expect(scored).toEqual([sum % 11]);
      }),
    );
  });

  test("a seed decides the example, and impossible sizes are named", () => {
    expect(copyExample(createRng(1), { length: 9 })).toEqual(copyExample(createRng(1), { length: 9 }));
    expect(copyExample(createRng(1), { length: 9 })).not.toEqual(copyExample(createRng(2), { length: 9 }));
    expect(() => copyExample(createRng(1), { length: 0 })).toThrow("length: expected a whole number from 1, got 0");
    expect(() => recallExample(createRng(1), { length: 4, keys: 3 })).toThrow(
      "keys: expected a whole number from 4, got 3",
    );
  });
});
