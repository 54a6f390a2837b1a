import { describe, expect, test } from "vitest";
import type { NoiseOptions } from "../ops/index.ts";
import { createNoiseBatches, noiseWindows } from "./noise-batches.ts";

const tokens = 50;
const ids = Int32Array.from({ length: 600 }, (_, i) => (i * i) % tokens);
const own = { start: tokens, end: tokens + 1, mask: tokens + 2 };
const noise: NoiseOptions = { noise: ["infill", "permute"], share: 0.3, span: 3, mask: own.mask, stops: new Set([4]) };
const options = { ...noise, ...own, ids, seed: 3, batch: 4, length: 40 };

describe("batches of spoiled text", () => {
  const batches = createNoiseBatches(options);

  test("are a function of seed and step, and new in every epoch", () => {
    expect(batches.shapes).toEqual([{ batch: 4, length: 41, sourceLength: 40 }]);
    const again = createNoiseBatches(options);
    for (const step of [7, 0, 3]) expect(again.batch(step)).toEqual(batches.batch(step));
    expect(createNoiseBatches({ ...options, seed: 4 }).batch(0)).not.toEqual(batches.batch(0));
    const sources = Array.from({ length: 12 }, (_, step) =>
      JSON.stringify(Array.from(batches.batch(step).arrays.source!)),
    );
    expect(new Set(sources).size).toBe(12);
  });

  test("ask for the text itself, and show what is left of it", () => {
    const { inputs, targets, source, sourceMask } = batches.batch(2).arrays as Required<typeof arrays>;
    for (let row = 0; row < 4; row++) {
      const text = Array.from(targets.subarray(row * 41, row * 41 + 40));
      expect(Array.from(inputs.subarray(row * 41, (row + 1) * 41))).toEqual([own.start, ...text]);
      expect(targets[row * 41 + 40]).toBe(own.end);
      const at = ids.findIndex((_, i) => text.every((id, k) => ids[i + k] === id));
      expect(at).toBeGreaterThanOrEqual(0);
      const real = sourceMask.subarray(row * 40, (row + 1) * 40).reduce((sum, bit) => sum + bit, 0);
      const read = Array.from(source.subarray(row * 40, row * 40 + real));
      const masks = read.filter((id) => id === own.mask).length;
      expect(read.length).toBe(28 + masks);
      expect(masks).toBeGreaterThan(0);
      for (const id of read) expect([own.mask, ...text]).toContain(id);
    }
  });

  test("for validation predict every id once, and no end", () => {
    const windows = noiseWindows(ids, { ...noise, ...own, length: 64, multipleOf: 4 });
    expect(windows.count).toBe(12);
    const predicted = Array.from(windows.targets).filter((_, i) => windows.mask[i] === 1);
    expect(predicted).toEqual(Array.from(ids));
    expect(noiseWindows(ids, { ...noise, ...own, length: 64, multipleOf: 4 })).toEqual(windows);
  });
});

const { arrays } = createNoiseBatches(options).batch(0);
