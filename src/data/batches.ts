/**
 * Training batches as a pure function of (seed, step). Axes: B windows a batch, T predictions a window, N ids.
 *
 * Epoch e shifts the text by an offset drawn for e, cuts it into W windows of T + 1 ids that share one id with the next
 * (so no id is predicted twice), and reads them in an order drawn for e. W is the same in every epoch: the offset is
 * taken from what remains when one window is given up. Window number g = step · B + row lies in epoch ⌊g / W⌋; a batch
 * may span epochs.
 */
import { z } from "zod";
import { parseStored } from "../checkpoints/index.ts";
import { createRng } from "../ops/index.ts";
import { fail } from "../tensor/error.ts";

export interface BatchOptions {
  ids: Int32Array;
  seed: number;
  /** B */
  batch: number;
  /** T */
  length: number;
}

export interface Batch {
  /** [B·T], row by row */
  inputs: Int32Array;
  /** [B·T]: the id behind each input */
  targets: Int32Array;
  /** Epoch of the first row, from 0. */
  epoch: number;
}

const position = z.strictObject({
  step: z.int().nonnegative(),
  epoch: z.int().nonnegative(),
  window: z.int().nonnegative(),
  seed: z.int().nonnegative(),
  batch: z.int().positive(),
  length: z.int().positive(),
  ids: z.int().nonnegative(),
});

/** Where a run stands in its data, for checkpoints; the settings are there to refuse a resume under others. */
export type BatchPosition = z.infer<typeof position>;

export interface Batches {
  /** W */
  windowsPerEpoch: number;
  /** The batch of a step, from 0. Throws `E_BATCH_STEP`. */
  batch(step: number): Batch;
  /** The record of the next step to be done. */
  position(step: number): BatchPosition;
  /** The step of a stored record. Throws `E_BATCH_POSITION` where it was made under other settings or data. */
  resume(stored: unknown): number;
}

/** Throws `E_BATCH_OPTION`, `E_SEED`, or `E_BATCH_SHORT` where the ids do not fill one window. */
export function createBatches({ ids, seed, batch: B, length: T }: BatchOptions): Batches {
  assertCount("batch", B);
  assertCount("length", T);
  const predictable = ids.length - 1;
  if (predictable < T) failShort(ids.length, T);
  const W = Math.max(1, Math.floor(predictable / T) - 1);
  const epochOf = lastTwo(drawEpochs(seed, W, predictable - W * T + 1));
  const settings = { seed, batch: B, length: T, ids: ids.length };
  const at = (step: number): BatchPosition => {
    const window = assertBatchStep(step) * B;
    return { step, epoch: Math.floor(window / W), window: window % W, ...settings };
  };
  return {
    windowsPerEpoch: W,
    position: at,
    resume: (stored) => resumeStep(stored, at),
    batch(step) {
      const { epoch } = at(step);
      const inputs = new Int32Array(B * T);
      const targets = new Int32Array(B * T);
      for (let row = 0; row < B; row++) {
        const window = step * B + row;
        const { offset, order } = epochOf(Math.floor(window / W));
        const start = offset + order[window % W]! * T;
        inputs.set(ids.subarray(start, start + T), row * T);
        targets.set(ids.subarray(start + 1, start + T + 1), row * T);
      }
      return { inputs, targets, epoch };
    },
  };
}

interface Epoch {
  offset: number;
  order: Uint32Array;
}

function drawEpochs(seed: number, windows: number, offsets: number): (epoch: number) => Epoch {
  const root = createRng(seed).fork("batches");
  return (epoch) => {
    const rng = root.fork(epoch);
    return { offset: rng.below(offsets), order: rng.permutation(windows) };
  };
}

/** Remembers two results: a batch seldom spans more epochs, and asking for an old one only costs time. */
function lastTwo<T>(make: (key: number) => T): (key: number) => T {
  const made = new Map<number, T>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    if (made.size > 2) made.delete(made.keys().next().value!);
    return value;
  };
}

function resumeStep(stored: unknown, at: (step: number) => BatchPosition): number {
  const source = { where: "data position", code: "E_BATCH_POSITION" } as const;
  const found = parseStored(position, stored, source);
  const expected = at(found.step);
  for (const key of Object.keys(position.shape) as (keyof BatchPosition)[]) {
    if (found[key] === expected[key]) continue;
    const hint = "Resume with the data and settings that the checkpoint was made with.";
    fail({ ...source, where: `data position.${key}`, expected: String(expected[key]), got: String(found[key]), hint });
  }
  return found.step;
}

export function assertCount(where: string, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return;
  fail({ code: "E_BATCH_OPTION", where, expected: "a whole number from 1", got: String(count) });
}

function assertBatchStep(step: number): number {
  if (Number.isSafeInteger(step) && step >= 0) return step;
  return fail({ code: "E_BATCH_STEP", where: "step", expected: "a whole number from 0", got: String(step) });
}

function failShort(ids: number, T: number): never {
  const hint = "Use more text or a shorter window.";
  return fail({
    code: "E_BATCH_SHORT",
    where: "training text",
    expected: `at least ${T + 1} ids`,
    got: `${ids}`,
    hint,
  });
}
