import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "../ops/index.ts";
import { createSpanBatches, spanWindows } from "./span-batches.ts";
import { corrupt, dealtSpans, randomSpans, restore, spanCounts } from "./spans.ts";

const usual = { density: 0.15, span: 3, sentinels: 100 };
const sentinel = 1000;

describe("spans that are left out", () => {
  test("are as many, and hold as much, as the paper says: 15 % of 512 tokens in 26 spans", () => {
    expect(spanCounts(512, usual)).toEqual({ noise: 77, spans: 26 });
    expect(spanCounts(2, usual)).toEqual({ noise: 1, spans: 1 });
    expect(() => spanCounts(512, { ...usual, sentinels: 25 })).toThrow(
      /at least 26, the spans of 512 tokens.*E_SPANS/s,
    );
    expect(() => spanCounts(1, usual)).toThrow(/E_SPANS/);
  });

  test("[t5] are invertible: source and target give the text again, for any length, density and span", () => {
    const cases = [
      fc.integer({ min: 2, max: 200 }),
      fc.double({ min: 0.01, max: 0.5, noNaN: true }),
      fc.integer({ min: 1, max: 9 }),
    ] as const;
    fc.assert(
      fc.property(...cases, fc.nat(1000), (length, density, span, seed) => {
        const ids = Int32Array.from({ length }, (_, i) => (i * 7 + seed) % 50);
        const options = { density, span, sentinels: 200 };
        const spans = randomSpans(length, options, createRng(seed));
        const { noise, spans: count } = spanCounts(length, options);
        expect(spans).toHaveLength(count);
        expect(spans.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(noise);
        // A kept stretch stands in front of each, so that no two of them touch.
        spans.forEach(({ start }, i) => void expect(start).toBeGreaterThan(spans[i - 1]?.end ?? 0));
        const corrupted = corrupt(ids, spans, sentinel);
        expect(corrupted.source).toHaveLength(length - noise + count);
        expect(corrupted.target).toHaveLength(noise + count);
        expect(restore(corrupted, sentinel)).toEqual(ids);
      }),
    );
  });

  test("stand as in the paper's figure 2", () => {
    const ids = Int32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const spans = [
      { start: 2, end: 4 },
      { start: 7, end: 8 },
    ];
    expect(corrupt(ids, spans, sentinel)).toEqual({
      source: Int32Array.from([1, 2, sentinel, 5, 6, 7, sentinel + 1, 9]),
      target: Int32Array.from([sentinel, 3, 4, sentinel + 1, 8]),
    });
  });

  test("leave every place out alike often but for the edges, with sizes that spread around their mean", () => {
    const counts = new Array<number>(40).fill(0);
    const sizes = new Set<number>();
    for (let seed = 0; seed < 2000; seed++)
      for (const { start, end } of randomSpans(40, usual, createRng(seed))) {
        sizes.add(end - start);
        for (let i = start; i < end; i++) counts[i]! += 1 / 2000;
      }
    expect(counts[0]).toBe(0);
    const middle = counts.slice(5, 35);
    expect(Math.max(...middle) - Math.min(...middle)).toBeLessThan(0.12);
    expect(sizes.size).toBeGreaterThan(3);
  });

  test("dealt to groups leave out every id exactly once", () => {
    const counts = new Int32Array(50);
    for (let group = 0; group < 7; group++)
      for (const { start, end } of dealtSpans(50, { span: 3, group, groups: 7 }))
        for (let i = start; i < end; i++) counts[i]!++;
    expect(counts.every((count) => count === 1)).toBe(true);
  });
});

describe("batches with spans left out", () => {
  const tokens = 50;
  const ids = Int32Array.from({ length: 600 }, (_, i) => (i * i) % tokens);
  const own = { start: tokens, end: tokens + 1, sentinel: tokens + 2 };
  const options = { ...usual, ...own, ids, seed: 3, batch: 4, length: 40 };
  const batches = createSpanBatches(options);

  test("are a function of seed and step, of exact shape, and new in every epoch", () => {
    expect(batches.shapes).toEqual([{ batch: 4, length: 9, sourceLength: 36 }]);
    const again = createSpanBatches(options);
    for (const step of [7, 0, 3]) expect(again.batch(step)).toEqual(batches.batch(step));
    expect(createSpanBatches({ ...options, seed: 4 }).batch(0)).not.toEqual(batches.batch(0));
    const targets = Array.from({ length: 12 }, (_, step) =>
      JSON.stringify(Array.from(batches.batch(step).arrays.targets)),
    );
    expect(new Set(targets).size).toBe(12);
  });

  test("hold windows of the text: a start, sentinels in order, an end", () => {
    const { inputs, targets, source } = batches.batch(2).arrays as unknown as Record<string, Int32Array>;
    for (let row = 0; row < 4; row++) {
      const target = targets!.subarray(row * 9, (row + 1) * 9);
      const fed = inputs!.subarray(row * 9, (row + 1) * 9);
      expect(fed[0]).toBe(own.start);
      expect(Array.from(fed.subarray(1))).toEqual(Array.from(target.subarray(0, 8)));
      expect(target[8]).toBe(own.end);
      const read = source!.subarray(row * 36, (row + 1) * 36);
      const text = restore({ source: read, target: target.subarray(0, 8) }, own.sentinel);
      const at = ids.findIndex((_, i) => text.every((id, k) => ids[i + k] === id));
      expect(text).toHaveLength(40);
      expect(at).toBeGreaterThanOrEqual(0);
    }
  });

  test("for validation predict every id exactly once, and no sentinel", () => {
    const windows = spanWindows(ids, { ...usual, ...own, length: 64, multipleOf: 4 });
    expect(windows.count % 4).toBe(0);
    const predicted = Array.from(windows.targets).filter((_, i) => windows.mask[i] === 1);
    expect(predicted.toSorted((a, b) => a - b)).toEqual(Array.from(ids).sort((a, b) => a - b));
    expect(predicted.every((id) => id < tokens)).toBe(true);
    const few = { ...usual, ...own, sentinels: 1, length: 64 };
    expect(() => spanWindows(ids, few)).toThrow(/E_SPANS/);
  });
});
