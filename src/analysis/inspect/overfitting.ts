/** Whether a run has learned its training text rather than what holds of other text as well. */
import { type BatchShape, validationWindows } from "../../data/index.ts";
import type { Engine } from "../../engine/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { createEvaluator, type EvaluationText } from "../../train/index.ts";

/** A run's losses while it trained: training nats per token by step, validation bits per byte by step. */
export interface LossHistory {
  training: readonly { step: number; loss: number }[];
  validation: readonly { step: number; bitsPerByte: number }[];
}

export interface FitDiagnosis {
  /** unknown: fewer than two evaluations. */
  verdict: "overfitting" | "fits" | "unknown";
  /** Step and bits per byte of the best evaluation, and of the last one. */
  best: { step: number; bitsPerByte: number } | null;
  last: { step: number; bitsPerByte: number } | null;
  /** How much worse than the best the last evaluation is, as a share of the best. */
  rise: number;
  /** Absent where it was not measured. */
  gap?: OverfittingGap;
  /** What usually helps. */
  remedies: readonly string[];
}

/** How much better the same weights predict text that they were trained on: validation less training. Bits per byte. */
export interface OverfittingGap {
  bitsPerByte: number;
  validation: number;
  training: number;
  /** Of each of the two texts: equally many, equally long, evenly spread. */
  windows: number;
}

export interface GapTexts {
  training: EvaluationText;
  validation: EvaluationText;
  /** Of the windows. */
  shape: Pick<BatchShape, "batch" | "length">;
  /** Most windows of each text. Default 64. */
  windows?: number;
}

/** Measures the gap of the parameters that are resident in the engine: without dropout, state reset at each window. */
export async function measureGap(
  engine: Engine,
  built: BuiltModel,
  { training, validation, shape, windows = 64 }: GapTexts,
): Promise<OverfittingGap> {
  const count = Math.min(windows, windowsIn(training, shape), windowsIn(validation, shape));
  const bits = async (text: EvaluationText): Promise<number> => {
    const evaluator = await createEvaluator(engine, built, { text, shape, windows: count });
    try {
      return (await evaluator.run()).bitsPerByte;
    } finally {
      await evaluator.dispose();
    }
  };
  const measured = { validation: await bits(validation), training: await bits(training) };
  const { batch } = shape;
  const evaluated = Math.ceil(count / batch) * batch;
  return { bitsPerByte: measured.validation - measured.training, ...measured, windows: evaluated };
}

const windowsIn = (text: EvaluationText, { batch, length }: GapTexts["shape"]): number =>
  "windows" in text ? text.windows.count : validationWindows(text.ids, length, { multipleOf: batch }).count;

/** An evaluation this much above the best one is no noise of a few windows. */
const telling = 0.02;

const remedies = [
  "stop at the best evaluation (--patience, --keep-best)",
  "more data, or a smaller model",
  "dropout",
  "weight decay",
  "augmentation where the data allow it",
];

/**
 * Overfitting: validation has risen above its best by more than 2 % while training loss went on falling (Goodfellow, Bengio and
 * Courville 2016, "Deep Learning", section 7.8). Training loss is the mean over the steps between two evaluations.
 */
export function diagnoseFit({ training, validation }: LossHistory, gap?: OverfittingGap): FitDiagnosis {
  const last = validation.at(-1) ?? null;
  const measured = gap !== undefined && { gap };
  if (last === null || validation.length < 2)
    return { verdict: "unknown", best: last, last, rise: 0, ...measured, remedies: [] };
  const best = validation.reduce((least, one) => (one.bitsPerByte < least.bitsPerByte ? one : least));
  const rise = last.bitsPerByte / best.bitsPerByte - 1;
  const span = last.step - validation.at(-2)!.step;
  const before = (step: number) => meanLoss(training, { after: step - span, upTo: step });
  const falls = before(last.step) < before(best.step);
  const verdict = rise > telling && falls ? "overfitting" : "fits";
  return {
    verdict,
    best,
    last,
    rise,
    ...measured,
    remedies: verdict === "overfitting" ? remedies : [],
  };
}

function meanLoss(training: LossHistory["training"], { after, upTo }: { after: number; upTo: number }): number {
  const some = training.filter(({ step }) => step > after && step <= upTo);
  return some.reduce((sum, { loss }) => sum + loss, 0) / some.length;
}
