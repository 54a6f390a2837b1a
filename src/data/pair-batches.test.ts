import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPairBatches } from "./pair-batches.ts";
import { collectPairs } from "./pairs.ts";

/** Example i has its number in front of every sequence, so that it is found again. */
async function pairsOf(lengths: readonly (readonly [number, number])[]) {
  const sequence = (i: number, length: number) => Array.from({ length }, (_, t) => (t === 0 ? 10 + i : t % 7));
  async function* examples() {
    for (const [i, [source, target]] of lengths.entries())
      yield { source: sequence(i, source), target: sequence(i, target) };
  }
  return collectPairs(examples(), "pairs");
}

const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })), {
  minLength: 1,
  maxLength: 80,
});

describe("batches of pairs", () => {
  test("[token-batching] every batch keeps the budget, and an epoch shows every example once", async () => {
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat(1000), async (drawn, seed) => {
        const kept = drawn.flatMap(([source, target], i) => (Math.max(source, target + 1) <= 25 ? [i] : []));
        fc.pre(kept.length > 0);
        const pairs = await pairsOf(drawn);
        const options = { pairs, seed, tokens: 64, longest: 25, start: 1, end: 2 };
        const batches = createPairBatches(options);
        expect(batches.shapes.length).toBeLessThanOrEqual(6);
        const seen: number[] = [];
        for (let step = 0; step < batches.batchesPerEpoch; step++) {
          const { arrays, shape } = batches.batch(step);
          const { batch: B, length: T, sourceLength: S } = batches.shapes[shape]!;
          expect(Math.max(B * T, B * S!)).toBeLessThanOrEqual(64);
          for (let row = 0; row < B; row++) {
            if (arrays.weights![row * T] === 0) continue;
            const example = arrays.source![row * S!]! - 10;
            seen.push(example);
            const target = pairs.target.at(example);
            const real = arrays.weights!.subarray(row * T, (row + 1) * T).reduce((a, b) => a + b, 0);
            expect(real).toBe(target.length + 1);
            expect([...arrays.inputs.subarray(row * T, row * T + real)]).toEqual([1, ...target]);
            expect([...arrays.targets.subarray(row * T, row * T + real)]).toEqual([...target, 2]);
            expect(arrays.sourceMask!.subarray(row * S!, (row + 1) * S!).reduce((a, b) => a + b, 0)).toBe(
              drawn[example]![0],
            );
          }
        }
        expect(seen.sort((a, b) => a - b)).toEqual(kept);
        expect(batches.left).toBe(drawn.length - kept.length);
      }),
      { numRuns: 60 },
    );
  });

  test("[token-batching] the share of padding is what the batches hold, and buckets make it small", async () => {
    const pairs = await pairsOf(Array.from({ length: 300 }, (_, i) => [1 + (i % 30), 1 + (i % 30) + (i % 3)] as const));
    const options = { pairs, seed: 1, tokens: 400, longest: 40, start: 1, end: 2 };
    const [one, six] = [createPairBatches({ ...options, buckets: 1 }), createPairBatches(options)];
    let [room, filled] = [0, 0];
    for (let step = 0; step < six.batchesPerEpoch; step++) {
      const { arrays, shape } = six.batch(step);
      room += arrays.targets.length + arrays.source!.length;
      for (const present of [arrays.weights!, arrays.sourceMask!]) for (const one of present) filled += one;
      // Rows without an example have one source token, which is none of theirs.
      filled -= emptyRows(arrays.weights!, six.shapes[shape]!.length);
    }
    expect(six.padding).toBeCloseTo(1 - filled / room, 12);
    expect(six.padding).toBeLessThan(0.7 * one.padding);
  });

  test("rows of every batch are a multiple of what is asked for, and every example is still shown once", async () => {
    const pairs = await pairsOf(Array.from({ length: 50 }, (_, i) => [1 + (i % 30), 1 + (i % 7)] as const));
    const options = { pairs, seed: 3, tokens: 120, longest: 40, start: 1, end: 2 };
    const batches = createPairBatches({ ...options, multiple: 4 });
    for (const { batch, length, sourceLength } of batches.shapes) {
      expect(batch % 4).toBe(0);
      expect(batch * Math.max(length, sourceLength!)).toBeLessThanOrEqual(120);
    }
    const shown = Array.from({ length: batches.batchesPerEpoch }, (_, step) => {
      const { arrays, shape } = batches.batch(step);
      const { batch, length, sourceLength } = batches.shapes[shape]!;
      const rows = Array.from({ length: batch }, (_, row) => row).filter((row) => arrays.weights![row * length]! > 0);
      return rows.map((row) => arrays.source![row * sourceLength!]! - 10);
    });
    expect(shown.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(createPairBatches({ ...options, multiple: 64, tokens: 3000 }).shapes.map(({ batch }) => batch)).toContain(
      64,
    );
    expect(() => createPairBatches({ ...options, multiple: 5 })).toThrow(
      /at least \d+, 5 of the longest examples, got 120\. .*at most 4 parts.*E_BATCH_TOKENS/,
    );
  });

  test("a step alone decides the batch; a position is refused under other settings", async () => {
    const pairs = await pairsOf([
      [3, 4],
      [5, 6],
      [2, 2],
      [9, 8],
    ]);
    const options = { pairs, seed: 3, tokens: 20, longest: 40, start: 1, end: 2 };
    const [a, b] = [createPairBatches(options), createPairBatches(options)];
    for (const step of [7, 0, 30, 7]) expect(a.batch(step)).toEqual(b.batch(step));
    expect(a.resume(a.position(5))).toBe(5);
    expect(() => createPairBatches({ ...options, seed: 4 }).resume(a.position(5))).toThrow(/seed.*E_BATCH_POSITION/);
    expect(() => createPairBatches({ ...options, tokens: 8 })).toThrow(/at least 9.*E_BATCH_TOKENS/);
  });

  test("empty sides and empty corpora are refused with the example's number", async () => {
    await expect(
      pairsOf([
        [1, 1],
        [0, 2],
      ]),
    ).rejects.toThrow(/example 2: expected a source/);
    await expect(pairsOf([])).rejects.toThrow(/at least one pair/);
  });
});

const emptyRows = (weights: Float32Array, length: number): number =>
  weights.filter((weight, i) => i % length === 0 && weight === 0).length;
