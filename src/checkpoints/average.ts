/** The mean of a run's newest checkpoints, tensor by tensor: what Vaswani et al. 2017 (section 6.1) translate with. */
import { fail } from "../tensor/error.ts";
import { checkpointSteps } from "./checkpoint-folders.ts";
import { type LoadedCheckpoint, loadCheckpoint } from "./load.ts";
import type { Run } from "./runs.ts";
import { numbersOf, type StoredTensor, type StoredTensors } from "./stored-tensor.ts";

/** The weights of several checkpoints. */
export interface AveragedWeights {
  weights: Record<string, StoredTensor>;
  /** Steps that the mean is of, ascending. */
  steps: number[];
}

/**
 * The mean of sets of tensors of the same names and shapes, summed in float64 in the order given, as F32.
 * Throws `E_CHECKPOINT_AVERAGE` where one has a tensor that another lacks, or of another size.
 */
export function averageTensors(sets: Iterable<StoredTensors>): Record<string, StoredTensor> {
  const sums = new Map<string, { shape: readonly number[]; total: Float64Array }>();
  let count = 0;
  for (const tensors of sets) {
    if (count++ > 0 && Object.keys(tensors).length !== sums.size) failDiffer("weights", `${sums.size} tensors`);
    for (const [name, tensor] of Object.entries(tensors)) {
      const sum = sums.get(name);
      const values = numbersOf(tensor, name);
      if (sum === undefined && count > 1) failDiffer(name, "a tensor of all checkpoints");
      if (sum === undefined) sums.set(name, { shape: tensor.shape, total: Float64Array.from(values) });
      else if (sum.total.length !== values.length) failDiffer(name, `${sum.total.length} elements`);
      else for (let i = 0; i < values.length; i++) sum.total[i]! += values[i]!;
    }
  }
  return Object.fromEntries(
    [...sums].map(([name, { shape, total }]) => [
      name,
      { dtype: "F32", shape, data: Float32Array.from(total, (sum) => sum / count) },
    ]),
  );
}

/** The mean of the newest `count` whole checkpoints. Throws `E_CHECKPOINT_AVERAGE` where the run has fewer. */
export function averageCheckpoints(run: Run, count: number): AveragedWeights {
  const steps = checkpointSteps(run.path).slice(-count);
  if (steps.length < count)
    fail({
      code: "E_CHECKPOINT_AVERAGE",
      where: run.path,
      expected: `${count} checkpoints`,
      got: steps.length === 0 ? "none" : `those of steps ${steps.join(", ")}`,
      hint: `Train with --keep ${count} and a smaller --checkpoint-every, or average fewer.`,
    });
  return { weights: averageTensors(weightsOf(run, steps)), steps };
}

/** A checkpoint's weights, or the mean of the newest ones, with the checkpoints that were passed over as damaged. */
export function loadWeights(
  run: Run,
  { step = "latest", average = 1 }: { step?: number | "latest"; average?: number } = {},
): Pick<LoadedCheckpoint, "weights" | "skipped"> {
  return average > 1 ? { ...averageCheckpoints(run, average), skipped: [] } : loadCheckpoint(run, step);
}

function* weightsOf(run: Run, steps: readonly number[]): Generator<StoredTensors> {
  for (const step of steps) yield loadCheckpoint(run, step).weights;
}

const failDiffer = (where: string, expected: string): never =>
  fail({ code: "E_CHECKPOINT_AVERAGE", where, expected, got: "another set: the checkpoints are of different models" });
