/** Trains a prepared run to its end, or to an interruption, and judges the result on the whole validation split. */
import { z } from "zod";
import {
  appendMetrics,
  checkpointSteps,
  parseStored,
  type Run,
  readMetrics,
  resumeCheckpoint,
  truncateMetrics,
} from "../checkpoints/index.ts";
import { createNodeEngine, createReferenceEngine, type Engine } from "../engine/index.ts";
import { parameterCount } from "../model/index.ts";
import { counted, decimals3 } from "../report/index.ts";
import {
  createEvaluator,
  createTraining,
  type Evaluation,
  type EvaluationText,
  evaluationRecord,
  type RunProgress,
  runTraining,
  type Training,
} from "../train/index.ts";
import { note } from "./frame/output.ts";
import { createProgress, type Progress } from "./progress.ts";
import type { RunProtocol } from "./run-info.ts";
import type { PreparedRun } from "./training-setup.ts";

/** What `seqlab train --json` prints; `evaluation` is absent after an interruption. */
export interface TrainingSummary {
  run: string;
  path: string;
  ended: "finished" | "interrupted";
  step: number;
  steps: number;
  tokens: number;
  params: number;
  /** Of the last step, nats per token. */
  loss?: number;
  /** On the whole validation split. */
  evaluation?: Evaluation;
  /** Of the steps done now. */
  tokensPerS: number;
  /** Of this command. */
  seconds: number;
}

const progressWindows = 64;

export async function trainRun(prepared: PreparedRun, signal: AbortSignal): Promise<TrainingSummary> {
  const start = performance.now();
  const { run, built, split, tokenizer, protocol } = prepared;
  const { config } = protocol;
  const engine = createEngine(protocol);
  const text = { ids: tokenizer.encode(split.validation.text), bytes: split.validation.bytes };
  try {
    const training = await createTraining(engine, built, { ids: tokenizer.encode(split.train.text), config });
    if (prepared.resumed) await restore(training, run);
    const outcome = await train(training, { prepared, text, engine, signal });
    const evaluation =
      outcome.ended === "finished" ? await finalEvaluation(prepared, { engine, text, step: outcome.step }) : undefined;
    return {
      run: run.name,
      path: run.path,
      steps: config.steps,
      tokens: outcome.step * config.batch * config.length,
      params: parameterCount(built.model.parameters),
      ...outcome,
      ...(evaluation && { evaluation }),
      seconds: (performance.now() - start) / 1000,
    };
  } finally {
    await engine.close();
  }
}

export const createEngine = ({ engine, threads }: Pick<RunProtocol, "engine" | "threads">): Engine =>
  engine === "node" ? createNodeEngine({ threads }) : createReferenceEngine();

/** A run killed before its first checkpoint begins again: its start is a function of its seed. */
async function restore(training: Training, run: Run): Promise<void> {
  if (checkpointSteps(run.path).length === 0) return truncateMetrics(run, 0);
  const loaded = resumeCheckpoint(run);
  for (const { step, reason } of loaded.skipped)
    note(`note: the checkpoint of step ${step} is not whole and was passed over: ${reason}`);
  await training.restore(loaded);
}

interface Surroundings {
  prepared: PreparedRun;
  engine: Engine;
  text: EvaluationText;
  signal: AbortSignal;
}

async function train(training: Training, { prepared, engine, text, signal }: Surroundings) {
  const { run, built, protocol } = prepared;
  const evaluator = await createEvaluator(engine, built, { text, shape: protocol.config, windows: progressWindows });
  const progress = createProgress();
  progress.note(`${run.name}: ${beginning(training)} (${run.path})`);
  try {
    return await runTraining({
      training,
      run,
      evaluator,
      ...protocol,
      signal,
      onProgress: (event) => show(event, { prepared, progress }),
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
  { prepared: { run, protocol }, progress }: { prepared: PreparedRun; progress: Progress },
): void {
  const { steps, batch, length } = protocol.config;
  if (event.kind === "step") {
    const { tokens: done, loss } = event.record;
    const total = steps * batch * length;
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
      `${run.name}: step ${event.step}: ${decimals3(event.evaluation.bitsPerByte)} bits per byte on ${progressWindows} validation windows`,
    );
}

const evaluationSchema = z.strictObject({
  bitsPerByte: z.number(),
  kind: z.enum(["exact", "upper-bound"]),
  stdErr: z.number().exactOptional(),
  draws: z.int(),
});

/** Evaluates once: a finished run that is resumed has its figure already. */
async function finalEvaluation(
  { run, built, protocol }: PreparedRun,
  { engine, text, step }: { engine: Engine; text: EvaluationText; step: number },
): Promise<Evaluation> {
  const known = readMetrics(run).find((record) => record["split"] === "whole");
  if (known !== undefined)
    return parseStored(evaluationSchema, known["evaluation"], {
      where: `${run.path}/metrics.jsonl`,
      code: "E_METRICS_FILE",
    });
  note(`${run.name}: evaluating on the whole validation text`);
  const evaluator = await createEvaluator(engine, built, { text, shape: protocol.config });
  const evaluation = await evaluator.run();
  appendMetrics(run, { ...evaluationRecord(step, evaluation), split: "whole", evaluation: { ...evaluation } });
  return evaluation;
}
