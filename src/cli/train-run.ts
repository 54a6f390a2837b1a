/** Trains a prepared run to its end, or to an interruption, and judges the result on the whole validation split. */
import { checkpointSteps, lockRun, type Run, resumeCheckpoint, truncateMetrics } from "../checkpoints/index.ts";
import { parameterCount } from "../model/index.ts";
import { counted, decimals3 } from "../report/index.ts";
import type { Dataset, Score } from "../tasks/index.ts";
import {
  createEvaluator,
  createTraining,
  type Evaluation,
  type RunProgress,
  type RunTrainingOutcome,
  runTraining,
  type Training,
} from "../train/index.ts";
import { type Finished, finalEvaluation } from "./final-evaluation.ts";
import { note } from "./frame/output.ts";
import { createProgress, type Progress } from "./progress.ts";
import { provenanceText } from "./provenance-text.ts";
import type { PreparedRun } from "./training-setup.ts";

/** What `seqlab train --json` prints; `evaluation` is absent after an interruption. */
export interface TrainingSummary {
  run: string;
  path: string;
  ended: RunTrainingOutcome["ended"];
  step: number;
  steps: number;
  tokens: number;
  params: number;
  /** Of the last step, nats per token. */
  loss?: number;
  /** On the whole validation split. */
  evaluation?: Evaluation;
  /** What the evaluation's bits are counted for. */
  bitsPer: Dataset["bitsPer"];
  /** Of the validation part's answers, where the data have such. */
  scores?: readonly Score[];
  /** Checkpoints whose mean was evaluated; 1 is the last one alone. */
  average: number;
  /** Whether the checkpoint of the best evaluation is kept too. */
  best: boolean;
  /** Of the steps done now. */
  tokensPerS: number;
  /** Of this command. */
  seconds: number;
}

const progressWindows = 64;

/** Takes the run for this process while it lasts. Throws E_RUN_LOCKED where another process trains it. */
export async function trainRun(prepared: PreparedRun, signal: AbortSignal): Promise<TrainingSummary> {
  try {
    const lock = lockRun(prepared.run);
    try {
      return await trainIn(prepared, signal);
    } finally {
      lock.release();
    }
  } finally {
    await prepared.engine.close();
  }
}

async function trainIn(prepared: PreparedRun, signal: AbortSignal): Promise<TrainingSummary> {
  const start = performance.now();
  const { run, built, dataset, batches, protocol, engine } = prepared;
  const { config } = protocol;
  const training = await createTraining(engine, built, { batches, config });
  if (prepared.resumed) await restore(training, run);
  const finished = { prepared, text: dataset.validation(built, config), engine, signal };
  const trained = await train(training, finished);
  const judged = trained.ended === "interrupted" ? undefined : await judge(training, finished);
  const outcome = { ...trained, ...(judged === undefined && { ended: "interrupted" as const }) };
  return {
    run: run.name,
    path: run.path,
    steps: config.steps,
    tokens: training.tokensBefore(outcome.step),
    params: parameterCount(built.model.parameters),
    ...outcome,
    ...judged,
    bitsPer: dataset.bitsPer,
    average: protocol.average,
    best: config.validation.keepBest,
    seconds: (performance.now() - start) / 1000,
  };
}

/** Nothing where it was interrupted: the run is trained and saved, and resuming it evaluates. */
async function judge(training: Training, finished: Finished) {
  try {
    return await finalEvaluation(training, finished);
  } catch (error) {
    if (finished.signal.aborted) return undefined;
    throw error;
  }
}

/** A run killed before its first checkpoint begins again: its start is a function of its seed. */
async function restore(training: Training, run: Run): Promise<void> {
  if (checkpointSteps(run.path).length === 0) return truncateMetrics(run, 0);
  const loaded = resumeCheckpoint(run);
  for (const { step, reason } of loaded.skipped)
    note(`note: the checkpoint of step ${step} is not whole and was passed over: ${reason}`);
  await training.restore(loaded);
}

async function train(training: Training, { prepared, engine, text, signal }: Finished) {
  const { run, built, protocol } = prepared;
  const evaluator = await createEvaluator(engine, built, { text, shape: protocol.config, windows: progressWindows });
  const progress = createProgress();
  const total = training.tokensBefore(training.config.steps);
  progress.note(`${run.name}: ${beginning(training)} (${run.path})`);
  if (prepared.dataset.kind !== "text") progress.note(provenanceText(prepared.dataset));
  try {
    return await runTraining({
      training,
      run,
      evaluator,
      ...protocol,
      signal,
      onProgress: (event) => show(event, { prepared, progress, total }),
    });
  } finally {
    progress.end();
    await evaluator.dispose();
  }
}

function beginning({ step, config: { steps } }: Training): string {
  if (step === steps) return `trained to its last step, ${steps}, before`;
  return step === 0 ? `training ${counted(steps, "step")}` : `going on from step ${step} to ${steps}`;
}

function show(
  event: RunProgress,
  { prepared: { run, dataset }, progress, total }: { prepared: PreparedRun; progress: Progress; total: number },
): void {
  if (event.kind === "step") {
    const { tokens: done, loss } = event.record;
    progress.update({
      label: run.name,
      done,
      total,
      unit: "tokens",
      rate: event.tokensPerS,
      loss,
      remainingSeconds: (total - done) / event.tokensPerS,
    });
  }
  if (event.kind === "evaluation")
    progress.note(
      `${run.name}: step ${event.step}: ${decimals3(event.evaluation.bitsPerByte)} bits per ${dataset.bitsPer} on ${progressWindows} validation ${dataset.kind === "text" ? "windows" : "examples"}`,
    );
}
