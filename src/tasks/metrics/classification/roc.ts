/** Curves over all thresholds of a score, and the areas below them. Examples of equal score are one step. */
import { ratio } from "./confusion.ts";
import { assertLength, assertOrdered, assertSome, weightsOf } from "./labelled.ts";

export interface Detection {
  /** 1 where the example is positive, else 0. */
  readonly truth: ArrayLike<number>;
  /** Greater means more likely positive. */
  readonly scores: ArrayLike<number>;
  readonly weights?: ArrayLike<number>;
}

/** Weights of the examples whose score is at least the threshold. */
interface Step {
  threshold: number;
  truePositives: number;
  falsePositives: number;
}

/** Thresholds fall. */
function stepsOf({ truth, scores, weights }: Detection): Step[] {
  assertSome("truth", truth.length);
  assertLength("scores", scores.length, truth.length);
  assertOrdered("scores", scores);
  const shares = weightsOf(truth.length, weights);
  const order = shares.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const steps: Step[] = [];
  let [truePositives, falsePositives] = [0, 0];
  for (const i of order) {
    if (truth[i] === 1) truePositives += shares[i]!;
    else falsePositives += shares[i]!;
    if (steps.at(-1)?.threshold === scores[i]) steps.pop();
    steps.push({ threshold: scores[i]!, truePositives, falsePositives });
  }
  return steps;
}

export interface RocCurve {
  readonly falsePositiveRates: readonly number[];
  readonly truePositiveRates: readonly number[];
  /** Falling; the first is infinite: nothing is called positive. */
  readonly thresholds: readonly number[];
}

/** Rates are NaN where there is no negative, or no positive, example. Throws E_METRIC_INPUT. */
export function rocCurve(input: Detection): RocCurve {
  const steps = [{ threshold: Number.POSITIVE_INFINITY, truePositives: 0, falsePositives: 0 }, ...stepsOf(input)];
  const all = steps.at(-1)!;
  return {
    falsePositiveRates: steps.map(({ falsePositives }) => falsePositives / all.falsePositives),
    truePositiveRates: steps.map(({ truePositives }) => truePositives / all.truePositives),
    thresholds: steps.map(({ threshold }) => threshold),
  };
}

/**
 * Area below the ROC curve: the chance that a positive example scores above a negative one, ties counting one half.
 * With `maxFalsePositiveRate` below 1, the area up to there, scaled so that chance is 0.5 and the best 1 (McClish 1989).
 * NaN where one of the two classes is absent.
 */
export function rocAuc(input: Detection, { maxFalsePositiveRate = 1 }: { maxFalsePositiveRate?: number } = {}): number {
  const { falsePositiveRates: x, truePositiveRates: y } = rocCurve(input);
  let area = 0;
  for (let i = 1; i < x.length && x[i - 1]! < maxFalsePositiveRate; i++) {
    const width = x[i]! - x[i - 1]!;
    const part = Math.min(width, maxFalsePositiveRate - x[i - 1]!);
    // Within the last step the curve is the straight line to its end.
    const height = y[i - 1]! + (width === 0 ? 0 : ((y[i]! - y[i - 1]!) * part) / width);
    area += (part * (y[i - 1]! + height)) / 2;
  }
  if (Number.isNaN(x.at(-1)!) || Number.isNaN(y.at(-1)!)) return Number.NaN;
  if (maxFalsePositiveRate === 1) return area;
  const chance = maxFalsePositiveRate ** 2 / 2;
  return (1 + (area - chance) / (maxFalsePositiveRate - chance)) / 2;
}

export interface PrecisionRecallCurve {
  /** Recall falls; the last point is precision 1 at recall 0. */
  readonly precisions: readonly number[];
  readonly recalls: readonly number[];
  /** Rising; one fewer than points. */
  readonly thresholds: readonly number[];
}

/** Without a positive example recall is 1. Throws E_METRIC_INPUT. */
export function precisionRecallCurve(input: Detection): PrecisionRecallCurve {
  const steps = stepsOf(input).reverse();
  const positives = steps[0]!.truePositives;
  return {
    precisions: [...steps.map(({ truePositives: t, falsePositives: f }) => ratio(t, t + f)), 1],
    recalls: [...steps.map(({ truePositives }) => (positives === 0 ? 1 : truePositives / positives)), 0],
    thresholds: steps.map(({ threshold }) => threshold),
  };
}

/** Σ (Rₙ − Rₙ₋₁) Pₙ: the area below precision over recall, not interpolated. Throws E_METRIC_INPUT. */
export function averagePrecision(input: Detection): number {
  const { precisions, recalls } = precisionRecallCurve(input);
  return recalls.slice(1).reduce((sum, recall, i) => sum + (recalls[i]! - recall) * precisions[i]!, 0);
}
