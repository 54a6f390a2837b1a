import type { BatchArrays, BatchShape } from "../data/index.ts";
import { fail } from "../tensor/index.ts";
import { gradientInputs } from "./gradients.ts";

/** The shape of one of `accumulate` equal parts of a batch. Throws E_TRAIN_ACCUMULATE where the rows do not divide. */
export function microShape(shape: BatchShape, accumulate: number): BatchShape {
  if (shape.batch % accumulate === 0) return { ...shape, batch: shape.batch / accumulate };
  return fail({
    code: "E_TRAIN_ACCUMULATE",
    where: "training.accumulate",
    expected: `a divisor of the batch of ${shape.batch} sequences`,
    got: String(accumulate),
  });
}

/** Whether micro-batches of this shape may hold different amounts of what is predicted. */
export const haveShares = ({ weights }: BatchShape, accumulate: number): boolean => weights === true && accumulate > 1;

type Rows = NonNullable<BatchArrays[keyof BatchArrays]>;
type MicroBatch = Readonly<Record<string, Rows>>;

/**
 * The rows of a batch in `accumulate` equal runs. Where tokens have weights, `loss.share` is n·wᵢ / Σw for the i-th of n runs,
 * so that the mean over runs of share·(mean over the run's tokens) is the mean over all tokens.
 */
export function microBatches(arrays: BatchArrays, accumulate: number): MicroBatch[] {
  const present = Object.entries<Rows | undefined>({ ...arrays });
  const total = arrays.weights && sumOf(arrays.weights);
  return Array.from({ length: accumulate }, (_, i) => {
    const part = <T extends Rows>(all: T): T => rowsOf(all, i, accumulate) as T;
    const rows = present.flatMap(([name, all]) => (all === undefined ? [] : [[name, part(all)] as const]));
    const share = arrays.weights && total ? (accumulate * sumOf(part(arrays.weights))) / total : 1;
    return { ...Object.fromEntries(rows), [gradientInputs.share]: Float32Array.of(share) };
  });
}

function rowsOf(all: Rows, part: number, parts: number): Rows {
  const size = all.length / parts;
  return all.subarray(part * size, (part + 1) * size);
}

const sumOf = (weights: Float32Array): number => weights.reduce((sum, weight) => sum + weight, 0);
