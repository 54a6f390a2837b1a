import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBatches } from "./batches.ts";
import { validationWindows } from "./validation.ts";

/** Ids that are their own positions. */
const positions = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

const options = fc
  .record({
    length: fc.integer({ min: 1, max: 9 }),
    batch: fc.integer({ min: 1, max: 7 }),
    extra: fc.nat(60),
    seed: fc.nat(),
  })
  .map(({ length, batch, extra, seed }) => ({ ids: positions(length + 1 + extra), length, batch, seed }));

describe("training batches", () => {
  test("targets are the ids behind the inputs, and a step alone decides the batch", () => {
    fc.assert(
      fc.property(options, fc.nat(100), (o, step) => {
        const { inputs, targets } = createBatches(o).batch(step).arrays;
        expect(inputs).toHaveLength(o.batch * o.length);
        expect(targets).toEqual(inputs.map((id) => id + 1));
        const other = createBatches(o);
        for (const before of [step + 50, 0, step + 1]) other.batch(before);
        expect(other.batch(step)).toEqual(createBatches(o).batch(step));
      }),
    );
  });

  test("within an epoch no id is predicted twice, and all but fewer than two windows are", () => {
    fc.assert(
      fc.property(options, fc.nat(5), (o, epoch) => {
        const batches = createBatches({ ...o, batch: 1 });
        const W = batches.windowsPerEpoch;
        const rows = Array.from({ length: W }, (_, i) => batches.batch(epoch * W + i));
        const predicted = rows.flatMap(({ arrays: { targets } }) => [...targets]);
        expect(rows.every((row) => row.epoch === epoch)).toBe(true);
        expect(new Set(predicted).size).toBe(W * o.length);
        expect(Math.max(...predicted)).toBeLessThan(o.ids.length);
        expect(o.ids.length - 1 - predicted.length).toBeLessThan(2 * o.length);
      }),
    );
  });

  test("batches are rows of one stream of windows, across epochs too", () => {
    const o = { ids: positions(50), length: 4, seed: 9 };
    const single = createBatches({ ...o, batch: 1 });
    const { batch } = createBatches({ ...o, batch: 3 });
    for (let step = 0; step < 30; step++) {
      const rows = [0, 1, 2].flatMap((row) => [...single.batch(step * 3 + row).arrays.inputs]);
      expect([...batch(step).arrays.inputs]).toEqual(rows);
    }
  });

  test("epochs differ in order and in offset; seeds differ; over many epochs every id is predicted", () => {
    const o = { ids: positions(101), length: 10, batch: 9 };
    const batches = createBatches({ ...o, seed: 1 });
    expect(batches.windowsPerEpoch).toBe(9);
    const epochs = Array.from({ length: 60 }, (_, epoch) => batches.batch(epoch));
    const offsets = new Set(epochs.map(({ arrays: { inputs } }) => Math.min(...inputs)));
    expect(offsets.size).toBe(11);
    expect(new Set(epochs.map(({ arrays: { inputs } }) => inputs.join())).size).toBe(60);
    expect(new Set(epochs.flatMap(({ arrays: { targets } }) => [...targets])).size).toBe(100);
    expect(createBatches({ ...o, seed: 2 }).batch(0)).not.toEqual(batches.batch(0));
  });

  test("a position goes through JSON and continues; one made under other settings names the difference", () => {
    const o = { ids: positions(100), length: 8, batch: 2, seed: 3 };
    const batches = createBatches(o);
    const stored = JSON.parse(JSON.stringify(batches.position(17)));
    expect(stored).toEqual({ step: 17, epoch: 3, window: 1, seed: 3, batch: 2, length: 8, ids: 100 });
    expect(batches.resume(stored)).toBe(17);
    const other = createBatches({ ...o, seed: 4 });
    expect(() => other.resume(stored)).toThrow("data position.seed: expected 4, got 3. Resume with the data");
    expect(() => batches.resume({ ...stored, step: -1 })).toThrow("data position.step");
    expect(() => batches.resume({ ...stored, window: 2 })).toThrow("data position.window: expected 1, got 2");
    expect(() => batches.resume("x")).toThrow("[E_BATCH_POSITION]");
  });

  test("refuses texts that are too short and settings that are no counts", () => {
    const o = { ids: positions(8), length: 8, batch: 1, seed: 1 };
    expect(() => createBatches(o)).toThrow("training text: expected at least 9 ids, got 8. Use more text");
    expect(createBatches({ ...o, ids: positions(9) }).batch(5).arrays.inputs).toEqual(positions(8));
    expect(() => createBatches({ ...o, batch: 0 })).toThrow("batch: expected a whole number from 1, got 0");
    expect(() => createBatches({ ...o, length: 1.5 })).toThrow("[E_BATCH_OPTION]");
    expect(() => createBatches({ ...o, length: 2 }).batch(-1)).toThrow("[E_BATCH_STEP]");
  });
});

describe("validation windows", () => {
  test("predict every id but the first exactly once, each from the id before it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 80 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        (n, T, multipleOf) => {
          const windows = validationWindows(positions(n), T, { multipleOf });
          const kept = (ids: Int32Array) => [...ids].filter((_, i) => windows.mask[i]);
          expect(kept(windows.targets)).toEqual([...positions(n)].slice(1));
          expect(kept(windows.inputs)).toEqual([...positions(n)].slice(0, -1));
          expect(windows.predicted).toBe(n - 1);
          expect(windows.mask).toHaveLength(windows.count * T);
          expect(windows.count % multipleOf).toBe(0);
          expect(windows.count * T - windows.predicted).toBeLessThan(T * multipleOf);
        },
      ),
    );
  });

  test("the last window is padded", () => {
    const ids = Int32Array.of(5, 6, 7, 8);
    expect(validationWindows(ids, 2)).toEqual({
      count: 2,
      length: 2,
      inputs: Int32Array.of(5, 6, 7, 0),
      targets: Int32Array.of(6, 7, 8, 0),
      mask: Uint8Array.of(1, 1, 1, 0),
      predicted: 3,
    });
    expect(() => validationWindows(Int32Array.of(1), 2)).toThrow("validation text: expected at least 2 ids, got 1");
  });
});
