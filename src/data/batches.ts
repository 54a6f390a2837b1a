/**
 * Training batches as a pure function of (seed, step). Axes: B windows a batch, T predictions a window, N ids.
 *
 * Epoch e shifts the text by an offset drawn for e, cuts it into W windows of T + 1 ids that share one id with the next
 * (so no id is predicted twice), and reads them in an order drawn for e. W is the same in every epoch: the offset is
 * taken from what remains when one window is given up. Window number g = step · B + row lies in epoch ⌊g / W⌋; a batch
 * may span epochs.
 */
import { z } from "zod";
import { createRng } from "../ops/index.ts";
import { fail } from "../tensor/error.ts";
import { lastTwo, resumeStep } from "./position.ts";

export interface BatchOptions {
  ids: Int32Array;
  seed: number;
  /** B */
  batch: number;
  /** T */
  length: number;
}

/** The arrays of a batch, row by row. */
export interface BatchArrays {
  /** [B·T] ids, or [B·T·F] features. */
  inputs: Int32Array | Float32Array;
  /** [B·T], what is to be predicted at each input; [B] ids or [B·C] values where one answer stands for the sequence. */
  targets: Int32Array | Float32Array;
  /** In the shape of the targets: how much each counts. */
  weights?: Float32Array;
  /** [B·T]: 1 at real inputs. */
  mask?: Uint8Array;
  /** [B·S]: ids that an encoder reads, and 1 at the real ones. */
  source?: Int32Array;
  sourceMask?: Uint8Array;
}

export interface Batch {
  arrays: BatchArrays;
  /** Index of its shape. */
  shape: number;
  /** Epoch of the first row, from 0. */
  epoch: number;
}

/** Rows and columns of a batch, and which arrays it has beside `inputs` and `targets`. */
export interface BatchShape {
  /** B */
  batch: number;
  /** T */
  length: number;
  weights?: boolean;
  mask?: boolean;
  /** S, where there are `source` and `sourceMask`. */
  sourceLength?: number;
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
  /** Every shape that a batch may have. */
  shapes: readonly BatchShape[];
  /** The batch of a step, from 0. Throws `E_BATCH_STEP`. */
  batch(step: number): Batch;
  /** Tokens that are predicted in the first `step` batches, padding left out; absent: every place of them. */
  tokensBefore?(step: number): number;
  /** The record of the next step to be done, as JSON. */
  position(step: number): Readonly<Record<string, number | string>>;
  /** The step of a stored record. Throws `E_BATCH_POSITION` where it was made under other settings or data. */
  resume(stored: unknown): number;
}

/** Batches of windows of one text. */
export interface TextBatches extends Batches {
  /** W */
  windowsPerEpoch: number;
}

/** Throws `E_BATCH_OPTION`, `E_SEED`, or `E_BATCH_SHORT` where the ids do not fill one window. */
export function createBatches({ ids, seed, batch: B, length: T }: BatchOptions): TextBatches {
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
    shapes: [{ batch: B, length: T }],
    position: at,
    resume: (stored) => resumeStep(position, stored, at),
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
      return { arrays: { inputs, targets }, shape: 0, epoch };
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
