import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { averageCheckpoints, averageTensors, loadWeights } from "./average.ts";
import { createRun } from "./runs.ts";
import { saveCheckpoint } from "./save.ts";
import type { StoredTensor, StoredTensors } from "./stored-tensor.ts";

const root = mkdtempSync(join(tmpdir(), "average-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const tensor = (shape: number[], ...values: number[]): StoredTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(values),
});

describe("the mean of tensors", () => {
  test("is that of hand numbers, element by element", () => {
    const mean = averageTensors([
      { w: tensor([2, 2], 1, 2, 3, 4), b: tensor([1], 0.5) },
      { w: tensor([2, 2], 3, 2, -3, 0), b: tensor([1], 1.5) },
      { w: tensor([2, 2], 2, -1, 6, 5), b: tensor([1], -5) },
    ]);
    expect(mean).toEqual({ w: tensor([2, 2], 2, 1, 2, 3), b: tensor([1], -1) });
  });

  test("loses nothing to cancellation: sums are kept in float64", () => {
    const mean = averageTensors([{ w: tensor([1], 1e8) }, { w: tensor([1], 1) }, { w: tensor([1], -1e8) }]);
    expect(mean["w"]!.data[0]).toBeCloseTo(1 / 3, 6);
  });

  test("of different models is refused", () => {
    const sets = (other: StoredTensors) => () => averageTensors([{ w: tensor([1], 1) }, other]);
    expect(sets({ v: tensor([1], 1) })).toThrow(/^v: .*E_CHECKPOINT_AVERAGE/);
    expect(sets({ w: tensor([2], 1, 2) })).toThrow(/^w: expected 1 elements.*E_CHECKPOINT_AVERAGE/);
    expect(sets({})).toThrow(/E_CHECKPOINT_AVERAGE/);
  });
});

describe("a run's newest checkpoints", () => {
  const run = createRun(root, "r", { spec: {}, data: {}, protocol: {} });
  for (const step of [10, 20, 30])
    saveCheckpoint(run, { step, weights: { w: tensor([1], step) }, optimizer: {}, state: {} }, { keep: 3 });

  test("give the mean of the last ones, or the last", () => {
    expect(averageCheckpoints(run, 2)).toEqual({ weights: { w: tensor([1], 25) }, steps: [20, 30] });
    expect(loadWeights(run, { average: 3 }).weights).toEqual({ w: tensor([1], 20) });
    expect(loadWeights(run).weights["w"]!.data[0]).toBe(30);
    expect(loadWeights(run, { step: 10 }).weights["w"]!.data[0]).toBe(10);
  });

  test("must be as many as are asked for", () => {
    expect(() => averageCheckpoints(run, 4)).toThrow(
      /expected 4 checkpoints, got those of steps 10, 20, 30\. Train with --keep 4.*E_CHECKPOINT_AVERAGE/,
    );
  });
});
