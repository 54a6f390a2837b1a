/** What a finished run is worth: bits per byte of the whole validation part, and the scores of its answers. */
import { z } from "zod";
import { appendMetrics, averageCheckpoints, float32Of, parseStored, readMetrics } from "../checkpoints/index.ts";
import type { Engine } from "../engine/index.ts";
import { putParameters } from "../generate/index.ts";
import type { Score } from "../tasks/index.ts";
import {
  createEvaluator,
  type Evaluation,
  type EvaluationText,
  evaluationRecord,
  type Training,
} from "../train/index.ts";
import { note } from "./frame/output.ts";
import { createProgress } from "./progress.ts";
import type { PreparedRun } from "./training-setup.ts";

export interface FinalEvaluation {
  evaluation: Evaluation;
  /** Absent where the data have none. */
  scores?: readonly Score[];
}

const evaluationSchema = z.strictObject({
  bitsPerByte: z.number(),
  kind: z.enum(["exact", "upper-bound", "pseudo"]),
  stdErr: z.number().exactOptional(),
  draws: z.int(),
});

const scoreSchema = z.strictObject({
  name: z.string(),
  value: z.number(),
  unit: z.enum(["%", "share", "points", "nats", ""]),
  better: z.enum(["higher", "lower"]),
  signature: z.string().exactOptional(),
  chance: z.number().exactOptional(),
});

const recordSchema = z.object({ evaluation: evaluationSchema, scores: z.array(scoreSchema).exactOptional() });

export interface Finished {
  prepared: PreparedRun;
  engine: Engine;
  text: EvaluationText;
  signal: AbortSignal;
}

/** Evaluates once: a finished run that is resumed has its figures already. */
export async function finalEvaluation(training: Training, finished: Finished): Promise<FinalEvaluation> {
  const { run, protocol } = finished.prepared;
  const known = readMetrics(run).find((record) => record["split"] === "whole");
  if (known !== undefined)
    return parseStored(recordSchema, known, { where: `${run.path}/metrics.jsonl`, code: "E_METRICS_FILE" });
  const found = await (protocol.average > 1
    ? averaged(finished).then(() => measured(finished))
    : training.evaluated(() => measured(finished)));
  const { evaluation, scores } = found;
  appendMetrics(run, {
    ...evaluationRecord(training.step, evaluation),
    split: "whole",
    evaluation: { ...evaluation },
    ...(scores && { scores: scores.map((score) => ({ ...score })) }),
  });
  return found;
}

/** Puts the mean of the newest checkpoints in the place of the parameters: training is over. */
async function averaged({ prepared: { run, built, protocol }, engine }: Finished): Promise<void> {
  const { weights, steps } = averageCheckpoints(run, protocol.average);
  note(`${run.name}: the mean of the checkpoints of steps ${steps.join(", ")} is evaluated`);
  const values = new Map(Object.entries(weights).map(([path, tensor]) => [path, float32Of(tensor, path)]));
  await putParameters(engine, built.model, values);
}

async function measured({ prepared, engine, text, signal }: Finished): Promise<FinalEvaluation> {
  const { run, built, protocol, dataset } = prepared;
  note(`${run.name}: evaluating on the whole validation ${dataset.kind === "text" ? "text" : "part"}`);
  const evaluator = await createEvaluator(engine, built, { text, shape: protocol.config });
  const evaluation = await evaluator.run();
  await evaluator.dispose();
  if (dataset.score === undefined || protocol.scoreExamples === 0) return { evaluation };
  const progress = createProgress();
  const start = performance.now();
  try {
    const scores = await dataset.score(engine, built, {
      ...(protocol.scoreExamples !== null && { examples: protocol.scoreExamples }),
      signal,
      onProgress(done, total) {
        const rate = done / ((performance.now() - start) / 1000);
        const state = { done, total, unit: "answers", rate, remainingSeconds: (total - done) / rate };
        progress.update({ label: `${run.name}: scoring`, ...state });
      },
    });
    return { evaluation, scores };
  } finally {
    progress.end();
  }
}
