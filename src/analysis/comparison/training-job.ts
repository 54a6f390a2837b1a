import { readFileSync, writeFileSync } from "node:fs";
import { encodeSafetensors } from "../../checkpoints/index.ts";
import { createNodeEngine } from "../../engine/index.ts";
import { buildSpec } from "../../spec/index.ts";
import { createEvaluator, createTraining, type Training } from "../../train/index.ts";
import type { JobProgress, TrainJob, TrainOutcome, TrialJob, TrialOutcome } from "./jobs.ts";
import type { CurvePoint } from "./results.ts";

/** Steps left out of the rate: the first ones allocate. */
const warmSteps = 3;
const curvePoints = 80;

export function readIds(file: string): Int32Array {
  const bytes = readFileSync(file);
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).slice();
}

/** Peak resident bytes of this process so far. */
export const peakResident = (): number => process.resourceUsage().maxRSS * 1024;

export async function trainJob(job: TrainJob, report: (progress: JobProgress) => void): Promise<TrainOutcome> {
  const ids = readIds(job.trainIds);
  const baselineBytes = process.memoryUsage().rss;
  const engine = createNodeEngine({ threads: job.threads });
  const built = buildSpec(job.spec, { tokens: job.tokens });
  const training = await createTraining(engine, built, { ids, config: job.config });
  const { curve, tokensPerS, seconds } = await trainAll(training, report);
  const peakBytes = Math.max(0, peakResident() - baselineBytes);
  const { weights } = await training.snapshot();
  writeFileSync(job.weights, encodeSafetensors({ tensors: weights }));
  const text = { ids: readIds(job.validationIds), bytes: job.validationBytes };
  const evaluator = await createEvaluator(engine, built, { text, shape: job.config, draws: job.draws });
  const evaluation = await training.evaluated(() => evaluator.run());
  await engine.close();
  return { evaluation, curve, tokensPerS, baselineBytes, peakBytes, seconds };
}

async function trainAll(training: Training, report: (progress: JobProgress) => void) {
  const { steps, batch, length } = training.config;
  const losses: { loss: number; seconds: number }[] = [];
  const start = performance.now();
  let warm = start;
  while (training.step < steps) {
    const { step, loss } = await training.advance();
    losses.push({ loss, seconds: (performance.now() - start) / 1000 });
    if (step === Math.min(warmSteps, steps - 1)) warm = performance.now();
    const rate = (step * batch * length) / ((performance.now() - start) / 1000);
    report({ done: step * batch * length, total: steps * batch * length, unit: "tokens", rate, loss });
  }
  const timedSteps = steps - Math.min(warmSteps, steps - 1);
  const tokensPerS = (timedSteps * batch * length) / ((performance.now() - warm) / 1000);
  return { curve: curveOf(losses, batch * length), tokensPerS, seconds: (performance.now() - start) / 1000 };
}

/** Means over equal bins of steps. */
function curveOf(losses: readonly { loss: number; seconds: number }[], tokensPerStep: number): CurvePoint[] {
  const bins = Math.min(curvePoints, losses.length);
  return Array.from({ length: bins }, (_, bin) => {
    const [first, end] = [bin, bin + 1].map((edge) => Math.floor((edge * losses.length) / bins)) as [number, number];
    const part = losses.slice(first, end);
    const loss = part.reduce((sum, point) => sum + point.loss, 0) / part.length;
    return { step: end, tokens: end * tokensPerStep, seconds: part.at(-1)!.seconds, loss };
  });
}

/** Tokens a second over at least `seconds` of steps, after warm-up. */
export async function trialJob(job: TrialJob): Promise<TrialOutcome> {
  const engine = createNodeEngine({ threads: job.threads });
  const built = buildSpec(job.spec, { tokens: job.tokens });
  const training = await createTraining(engine, built, { ids: readIds(job.trainIds), config: job.config });
  for (let i = 0; i < warmSteps; i++) await training.advance();
  const start = performance.now();
  while (performance.now() - start < job.seconds * 1000) await training.advance();
  const steps = training.step - warmSteps;
  const tokensPerS = (steps * job.config.batch * job.config.length) / ((performance.now() - start) / 1000);
  await engine.close();
  return { tokensPerS };
}
