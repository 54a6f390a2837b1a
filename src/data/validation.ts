/**
 * Validation windows: they cover the split once, in order, and are the same for every model. Axes: W windows, T predictions.
 * Window w reads ids w·T … w·T + T - 1 and predicts the id behind each. So every id is predicted exactly once, except
 * the first, which has nothing before it: it costs no nats, while its bytes stay in the denominator of bits per byte.
 */
import { fail } from "../tensor/error.ts";
import { assertCount } from "./batches.ts";

export interface ValidationWindows {
  /** W */
  count: number;
  /** T */
  length: number;
  /** [W·T]; 0 where `mask` is 0 */
  inputs: Int32Array;
  /** [W·T]; 0 where `mask` is 0 */
  targets: Int32Array;
  /** [W·T]: 1 where a real id is predicted, 0 in the padding at the end */
  mask: Uint8Array;
  /** Number of ids that are predicted: all but the first. */
  predicted: number;
}

/**
 * Cuts the ids of the validation split into windows of `length` predictions, the last one padded; with `multipleOf`,
 * wholly padded windows make their number a multiple of it, for an engine of fixed batch size.
 * Throws `E_BATCH_OPTION`, or `E_BATCH_SHORT` below two ids.
 */
export function validationWindows(ids: Int32Array, length: number, { multipleOf = 1 } = {}): ValidationWindows {
  assertCount("length", length);
  assertCount("multipleOf", multipleOf);
  const predicted = ids.length - 1;
  if (predicted < 1) {
    fail({ code: "E_BATCH_SHORT", where: "validation text", expected: "at least 2 ids", got: `${ids.length}` });
  }
  const count = Math.ceil(predicted / length / multipleOf) * multipleOf;
  const inputs = new Int32Array(count * length);
  const targets = new Int32Array(count * length);
  inputs.set(ids.subarray(0, predicted));
  targets.set(ids.subarray(1));
  return { count, length, inputs, targets, mask: new Uint8Array(count * length).fill(1, 0, predicted), predicted };
}
