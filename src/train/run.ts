/** The long-run loop: training with metrics, evaluation and checkpoints in a run's folder, until done or asked to stop. */
import {
  appendMetrics,
  checkpointSteps,
  type MetricsRecord,
  type Run,
  readMetrics,
  saveCheckpoint,
} from "../checkpoints/index.ts";
import { SeqlabError } from "../tensor/index.ts";
import { saveBest } from "./best.ts";
import type { Evaluation, Evaluator } from "./evaluate.ts";
import type { StepRecord, Training } from "./training.ts";
import { judgeEvaluations, type Verdict } from "./validation.ts";

/** What happens while a run trains. */
export type RunProgress =
  | { kind: "step"; record: StepRecord; tokensPerS: number }
  | { kind: "evaluation"; step: number; evaluation: Evaluation; best: boolean }
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
  /** stopped: evaluations no longer improved (`validation.patience`). */
  ended: "finished" | "stopped" | "interrupted";
  /** Steps done; a checkpoint of them is saved. */
  step: number;
  /** Loss of the last step, nats per token; absent where none was done. */
  loss?: number;
  /** Tokens a second of the steps done here, evaluations and checkpoints left out; 0 where none was done. */
  tokensPerS: number;
}

/**
 * Trains to `training.config.steps`, or until evaluations no longer improve. What is written at a step depends on the step
 * alone, not on where the run was interrupted before: evaluation, then checkpoint, each at multiples of its interval.
 * Throws E_TRAIN_FINITE and disk errors; each names the last good checkpoint, which is kept.
 */
export async function runTraining(options: RunTrainingOptions): Promise<RunTrainingOutcome> {
  const { training, run, signal } = options;
  const { steps } = training.config;
  const clock = { seconds: 0, tokens: 0 };
  const { judge, stopped } = judgeBefore(options);
  let [loss, stop]: [number | undefined, boolean] = [undefined, stopped];
  let saved = checkpointSteps(run.path).find((step) => step === training.step);
  while (training.step < steps && !stop && signal?.aborted !== true) {
    loss = (await doSteps(options, clock)).loss;
    stop = (await evaluateIfDue(options, judge))?.stop ?? false;
    if (isDue(training.step, options.checkpointEverySteps ?? 500)) saved = await save(options);
  }
  if (saved !== training.step) await save(options);
  return {
    ended: training.step >= steps ? "finished" : stop ? "stopped" : "interrupted",
    step: training.step,
    ...(loss !== undefined && { loss }),
    tokensPerS: clock.seconds === 0 ? 0 : clock.tokens / clock.seconds,
  };
}

type Judge = ReturnType<typeof judgeEvaluations>;

/** The judge of a run's evaluations, having heard those that its metrics hold; the training takes the rates that follow. */
function judgeBefore({ training, run }: RunTrainingOptions): { judge: Judge; stopped: boolean } {
  const judge = judgeEvaluations(training.config.validation);
  const before = readMetrics(run).flatMap(({ bitsPerByte, split, step }) =>
    typeof bitsPerByte === "number" && split === undefined && step <= training.step
      ? [{ step, ...judge(bitsPerByte) }]
      : [],
  );
  for (const { step, rateFactor } of before) training.scaleRate(step, rateFactor);
  return { judge, stopped: before.at(-1)?.stop ?? false };
}

const isDue = (step: number, every: number | undefined): boolean => every !== undefined && step % every === 0;

/** As many steps as one call takes, but none beyond the next evaluation or checkpoint. */
async function doSteps(options: RunTrainingOptions, clock: { seconds: number; tokens: number }): Promise<StepRecord> {
  const { training, run, onProgress } = options;
  const [start, before] = [performance.now(), training.tokensBefore(training.step)];
  const records = await training.advanceBy(stepsToGo(options)).catch((error: unknown) => rejectStep(error, run));
  clock.seconds += (performance.now() - start) / 1000;
  clock.tokens += training.tokensBefore(training.step) - before;
  const tokensPerS = clock.tokens / clock.seconds;
  appendMetrics(run, ...records.map(({ losses, ...numbers }) => ({ ...numbers, ...prefixed(losses), tokensPerS })));
  for (const record of records) onProgress?.({ kind: "step", record, tokensPerS });
  return records.at(-1)!;
}

function stepsToGo({ training, evaluateEverySteps, checkpointEverySteps = 500 }: RunTrainingOptions): number {
  const { step, config } = training;
  const intervals = [checkpointEverySteps, evaluateEverySteps ?? Number.POSITIVE_INFINITY];
  const left = intervals.map((every) => (Number.isFinite(every) ? every - (step % every) : every));
  return Math.min(config.stepsPerCall, config.steps - step, ...left);
}

const prefixed = (losses: StepRecord["losses"]): Record<string, number> =>
  Object.fromEntries(Object.entries(losses).map(([name, value]) => [`loss.${name}`, value]));

async function evaluateIfDue(
  { training, run, evaluator, evaluateEverySteps, onProgress }: RunTrainingOptions,
  judge: Judge,
): Promise<Verdict | undefined> {
  if (evaluator === undefined || !isDue(training.step, evaluateEverySteps)) return undefined;
  const { step, config } = training;
  const evaluation = await training.evaluated(() => evaluator.run());
  appendMetrics(run, evaluationRecord(step, evaluation));
  const verdict = judge(evaluation.bitsPerByte);
  training.scaleRate(step, verdict.rateFactor);
  if (verdict.best && config.validation.keepBest) saveBest(run, await training.snapshot());
  onProgress?.({ kind: "evaluation", step, evaluation, best: verdict.best });
  return verdict;
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
