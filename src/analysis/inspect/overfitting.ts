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
  /** Validation less training loss at the end, bits per byte; null where the bytes of a token are not known. */
  gap: number | null;
  /** What usually helps. */
  remedies: readonly string[];
}

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
export function diagnoseFit(
  { training, validation }: LossHistory,
  { bytesPerToken }: { bytesPerToken?: number } = {},
): FitDiagnosis {
  const last = validation.at(-1) ?? null;
  if (last === null || validation.length < 2)
    return { verdict: "unknown", best: last, last, rise: 0, gap: null, remedies: [] };
  const best = validation.reduce((least, one) => (one.bitsPerByte < least.bitsPerByte ? one : least));
  const rise = last.bitsPerByte / best.bitsPerByte - 1;
  const span = last.step - validation.at(-2)!.step;
  const before = (step: number) => meanLoss(training, { after: step - span, upTo: step });
  const falls = before(last.step) < before(best.step);
  const verdict = rise > telling && falls ? "overfitting" : "fits";
  const trainingBits = bytesPerToken && before(last.step) / Math.LN2 / bytesPerToken;
  return {
    verdict,
    best,
    last,
    rise,
    gap: trainingBits === undefined || Number.isNaN(trainingBits) ? null : last.bitsPerByte - trainingBits,
    remedies: verdict === "overfitting" ? remedies : [],
  };
}

function meanLoss(training: LossHistory["training"], { after, upTo }: { after: number; upTo: number }): number {
  const some = training.filter(({ step }) => step > after && step <= upTo);
  return some.reduce((sum, { loss }) => sum + loss, 0) / some.length;
}
