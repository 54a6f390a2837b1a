import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng, threefry } from "./rng.ts";

const hex = ({ lo, hi }: { lo: number; hi: number }) =>
  [lo, hi].map((word) => word.toString(16).padStart(8, "0")).join(" ");

describe("threefry", () => {
  /** Known answers that the authors publish with Random123 (`kat_vectors`, threefry2x32 20). */
  test.each([
    [0, 0, 0, 0, "6b200159 99ba4efe"],
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, "1cb996fc bb002be7"],
    [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, "c4923a9c 483df7a0"],
  ])("key %i %i, counter %i %i", (keyLo, keyHi, lo, hi, answer) => {
    expect(hex(threefry({ lo: keyLo, hi: keyHi }, { lo, hi }))).toBe(answer);
  });
});

describe("random streams", () => {
  const draw = (rng: ReturnType<typeof createRng>, count = 8) => Array.from({ length: count }, () => rng.uint32());

  test("a seed decides all numbers, and other seeds and labels give others", () => {
    expect(draw(createRng(7))).toEqual(draw(createRng(7)));
    const streams = [
      createRng(7),
      createRng(8),
      createRng(7 + 2 ** 32),
      createRng(7).fork(0),
      createRng(7).fork(1),
      createRng(7).fork(""),
      createRng(7).fork("1"),
      createRng(7).fork(1).fork(1),
    ];
    expect(new Set(streams.flatMap((rng) => draw(rng))).size).toBe(8 * streams.length);
  });

  test("a fork does not depend on what was drawn before, nor change what is drawn after", () => {
    const [used, fresh] = [createRng(3), createRng(3)];
    draw(used);
    expect(draw(used.fork("windows"))).toEqual(draw(fresh.fork("windows")));
    expect(draw(used)).toEqual(draw(fresh, 16).slice(8));
  });

  test("permutations hold every number once", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(300), (seed, n) => {
        expect(Array.from(createRng(seed).permutation(n)).sort((a, b) => a - b)).toEqual(
          Array.from({ length: n }, (_, i) => i),
        );
      }),
    );
  });

  test("all 24 orders of 4 things are about equally frequent", () => {
    const rng = createRng(11);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = rng.permutation(4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(counts.size).toBe(24);
    expect(chiSquare).toBeLessThan(49.7); // 0.999 quantile at 23 degrees of freedom
  });

  test("uniform numbers have the mean and variance of [0, 1)", () => {
    const rng = createRng(5);
    const numbers = Array.from({ length: 50_000 }, () => rng.uniform());
    const mean = numbers.reduce((sum, x) => sum + x) / numbers.length;
    const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(0.005);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002);
  });

  test("refuses what is no seed, range or label", () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => createRng(seed)).toThrow("[E_SEED]");
    for (const n of [0, -1, 1.5, 2 ** 32 + 1]) expect(() => createRng(1).below(n)).toThrow("[E_RANDOM_RANGE]");
    expect(createRng(1).below(1)).toBe(0);
    expect(() => createRng(1).fork(-1)).toThrow("[E_RANDOM_LABEL]");
  });
});
