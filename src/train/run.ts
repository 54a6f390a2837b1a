/** The long-run loop: training with metrics, evaluation and checkpoints in a run's folder, until done or asked to stop. */
import { appendMetrics, checkpointSteps, type MetricsRecord, type Run, saveCheckpoint } from "../checkpoints/index.ts";
import { SeqlabError } from "../tensor/index.ts";
import type { Evaluation, Evaluator } from "./evaluate.ts";
import type { StepRecord, Training } from "./training.ts";

/** What happens while a run trains. */
export type RunProgress =
  | { kind: "step"; record: StepRecord; tokensPerS: number }
  | { kind: "evaluation"; step: number; evaluation: Evaluation }
  | { kind: "checkpoint"; step: number; path: string };

export interface RunTrainingOptions {
  /** At its start, or restored from the run's newest checkpoint. */
  training: Training;
  run: Run;
  evaluator?: Evaluator;
  /** Steps between checkpoints; the last step always has one. Default 500. */
  checkpointEverySteps?: number;
  /** Steps between evaluations; without it none. */
  evaluateEverySteps?: number;
  /** Newest checkpoints that are kept. Default 2. */
  keep?: number;
  /** Asks to stop behind the step in progress, with a checkpoint. */
  signal?: AbortSignal;
  onProgress?: (progress: RunProgress) => void;
}

export interface RunTrainingOutcome {
  ended: "finished" | "interrupted";
  /** Steps done; a checkpoint of them is saved. */
  step: number;
  /** Loss of the last step, nats per token; absent where none was done. */
  loss?: number;
  /** Tokens a second of the steps done here, evaluations and checkpoints left out; 0 where none was done. */
  tokensPerS: number;
}

/**
 * Trains to `training.config.steps`. What is written at a step depends on the step alone, not on where the run was
 * interrupted before: evaluation, then checkpoint, each at multiples of its interval.
 * Throws E_TRAIN_FINITE and disk errors; each names the last good checkpoint, which is kept.
 */
export async function runTraining(options: RunTrainingOptions): Promise<RunTrainingOutcome> {
  const { training, run, signal } = options;
  const clock = { seconds: 0, tokens: 0 };
  let loss: number | undefined;
  let saved = checkpointSteps(run.path).find((step) => step === training.step);
  while (training.step < training.config.steps && signal?.aborted !== true) {
    loss = (await doStep(options, clock)).loss;
    await evaluateIfDue(options);
    if (isDue(training.step, options.checkpointEverySteps ?? 500)) saved = await save(options);
  }
  if (saved !== training.step) await save(options);
  return {
    ended: training.step < training.config.steps ? "interrupted" : "finished",
    step: training.step,
    ...(loss !== undefined && { loss }),
    tokensPerS: clock.seconds === 0 ? 0 : clock.tokens / clock.seconds,
  };
}

const isDue = (step: number, every: number | undefined): boolean => every !== undefined && step % every === 0;

async function doStep(
  { training, run, onProgress }: RunTrainingOptions,
  clock: { seconds: number; tokens: number },
): Promise<StepRecord> {
  const start = performance.now();
  const record = await training.advance().catch((error: unknown) => rejectStep(error, run));
  clock.seconds += (performance.now() - start) / 1000;
  clock.tokens += training.config.batch * training.config.length;
  const tokensPerS = clock.tokens / clock.seconds;
  const { losses, ...numbers } = record;
  appendMetrics(run, { ...numbers, ...prefixed(losses), tokensPerS });
  onProgress?.({ kind: "step", record, tokensPerS });
  return record;
}

const prefixed = (losses: StepRecord["losses"]): Record<string, number> =>
  Object.fromEntries(Object.entries(losses).map(([name, value]) => [`loss.${name}`, value]));

async function evaluateIfDue({
  training,
  run,
  evaluator,
  evaluateEverySteps,
  onProgress,
}: RunTrainingOptions): Promise<void> {
  if (evaluator === undefined || !isDue(training.step, evaluateEverySteps)) return;
  const evaluation = await training.evaluated(() => evaluator.run());
  appendMetrics(run, evaluationRecord(training.step, evaluation));
  onProgress?.({ kind: "evaluation", step: training.step, evaluation });
}

/** An evaluation as `metrics.jsonl` holds it. */
export function evaluationRecord(step: number, { bitsPerByte, kind, stdErr }: Evaluation): MetricsRecord {
  return { step, bitsPerByte, bitsPerByteKind: kind, ...(stdErr !== undefined && { stdErr }) };
}

async function save({ training, run, keep = 2, onProgress }: RunTrainingOptions): Promise<number> {
  const { path } = saveCheckpoint(run, await training.snapshot(), { keep });
  onProgress?.({ kind: "checkpoint", step: training.step, path });
  return training.step;
}

/** Adds to a step's failure where the run can go on from. */
function rejectStep(error: unknown, run: Run): never {
  if (!(error instanceof SeqlabError) || error.fault.code !== "E_TRAIN_FINITE") throw error;
  const newest = checkpointSteps(run.path).at(-1);
  const kept =
    newest === undefined
      ? "No checkpoint was saved before."
      : `The checkpoint of step ${newest} is kept in ${run.path}.`;
  throw new SeqlabError({ ...error.fault, hint: `${error.fault.hint ?? ""} ${kept}`.trim(), cause: error });
}
