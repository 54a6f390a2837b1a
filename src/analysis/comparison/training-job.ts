import { writeFileSync } from "node:fs";
import { encodeSafetensors } from "../../checkpoints/index.ts";
import { createEngine, type Engine, peakResidentBytes } from "../../engine/index.ts";
import { type BuiltModel, buildSpec } from "../../spec/index.ts";
import type { Score } from "../../tasks/index.ts";
import { createEvaluator, createTraining, type Training } from "../../train/index.ts";
import { type OpenedData, openJobData } from "./job-data.ts";
import type { JobProgress, TrainJob, TrainOutcome, TrialJob, TrialOutcome } from "./jobs.ts";
import type { CurvePoint } from "./results.ts";

/** Steps left out of the rate: the first ones allocate. */
const warmSteps = 3;
const curvePoints = 80;

export async function trainJob(job: TrainJob, report: (progress: JobProgress) => void): Promise<TrainOutcome> {
  const data = await openJobData(job.data);
  const baselineBytes = process.memoryUsage().rss;
  const engine = await createEngine(job.engine, job);
  const built = buildSpec(job.spec, { tokens: job.tokens });
  const { config } = job;
  const training = await createTraining(engine, built, { batches: data.batches(built, config), config });
  const { curve, tokensPerS, seconds } = await trainAll(training, report);
  const peakBytes = Math.max(0, peakResidentBytes() - baselineBytes);
  const { weights } = await training.snapshot();
  writeFileSync(job.weights, encodeSafetensors({ tensors: weights }));
  const text = data.validation(built, config);
  const evaluator = await createEvaluator(engine, built, { text, shape: config, draws: job.draws });
  const evaluation = await training.evaluated(() => evaluator.run());
  const scores = await training.evaluated(() => scoresOf(data, { engine, built, job, report }));
  await engine.close();
  return { evaluation, ...(scores && { scores }), curve, tokensPerS, baselineBytes, peakBytes, seconds };
}

interface Scoring {
  engine: Engine;
  built: BuiltModel;
  job: TrainJob;
  report: (progress: JobProgress) => void;
}

async function scoresOf(
  { dataset }: OpenedData,
  { engine, built, job, report }: Scoring,
): Promise<readonly Score[] | undefined> {
  const examples = job.data.kind === "dataset" ? job.data.examples : 0;
  if (examples === 0) return undefined;
  return dataset?.score?.(engine, built, {
    examples,
    onProgress: (done, total) => report({ done, total, unit: "answers", stage: "scoring" }),
  });
}

async function trainAll(training: Training, report: (progress: JobProgress) => void) {
  const { steps } = training.config;
  const total = training.tokensBefore(steps);
  const losses: Loss[] = [];
  const start = performance.now();
  let warm = start;
  while (training.step < steps) {
    const { step, loss, tokens } = await training.advance();
    losses.push({ loss, tokens, seconds: (performance.now() - start) / 1000 });
    if (step === Math.min(warmSteps, steps - 1)) warm = performance.now();
    const rate = tokens / ((performance.now() - start) / 1000);
    report({ done: tokens, total, unit: "tokens", rate, loss });
  }
  const timed = total - training.tokensBefore(Math.min(warmSteps, steps - 1));
  const tokensPerS = timed / ((performance.now() - warm) / 1000);
  return { curve: curveOf(losses), tokensPerS, seconds: (performance.now() - start) / 1000 };
}

interface Loss {
  loss: number;
  /** So far. */
  tokens: number;
  seconds: number;
}

/** Means over equal bins of steps. */
function curveOf(losses: readonly Loss[]): CurvePoint[] {
  const bins = Math.min(curvePoints, losses.length);
  return Array.from({ length: bins }, (_, bin) => {
    const [first, end] = [bin, bin + 1].map((edge) => Math.floor((edge * losses.length) / bins)) as [number, number];
    const part = losses.slice(first, end);
    const loss = part.reduce((sum, point) => sum + point.loss, 0) / part.length;
    return { step: end, tokens: part.at(-1)!.tokens, seconds: part.at(-1)!.seconds, loss };
  });
}

/** Tokens a second over at least `seconds` of steps, after warm-up. */
export async function trialJob(job: TrialJob): Promise<TrialOutcome> {
  const engine = await createEngine(job.engine, job);
  const built = buildSpec(job.spec, { tokens: job.tokens });
  const { config } = job;
  const data = await openJobData(job.data);
  const training = await createTraining(engine, built, { batches: data.batches(built, config), config });
  for (let i = 0; i < warmSteps; i++) await training.advance();
  const start = performance.now();
  while (performance.now() - start < job.seconds * 1000) await training.advance();
  const tokens = training.tokensBefore(training.step) - training.tokensBefore(warmSteps);
  const tokensPerS = tokens / ((performance.now() - start) / 1000);
  await engine.close();
  return { tokensPerS };
}
