/** Scores of predicted probabilities. */
import { assertClass } from "./confusion.ts";
import { assertLength, assertSome, weightedMean, weightsOf } from "./labelled.ts";

interface ClassProbabilities {
  /** Classes, numbered from 0. */
  readonly truth: ArrayLike<number>;
  /** One row an example, one number a class. */
  readonly probabilities: readonly ArrayLike<number>[];
  readonly weights?: ArrayLike<number>;
}

// Probabilities are kept this far from 0 and 1, so that one certain error does not make the loss infinite.
const margin = 2 ** -52;

/** Mean −log p of the true class, in nats. Throws E_METRIC_INPUT. */
export function logLoss(input: ClassProbabilities): number {
  return meanOfRows(input, (row, truth) => -Math.log(Math.min(1 - margin, Math.max(margin, row[truth]!))));
}

/** Share of examples whose class is among the `k` likeliest; of equal probabilities the later class comes first. */
export function topAccuracy(input: ClassProbabilities, { k }: { k: number }): number {
  return meanOfRows(input, (row, truth) => {
    const before = Array.from(row).filter((p, c) => p > row[truth]! || (p === row[truth]! && c > truth));
    return before.length < k ? 1 : 0;
  });
}

function meanOfRows(input: ClassProbabilities, score: (row: ArrayLike<number>, truth: number) => number): number {
  const { truth, probabilities, weights } = checked(input);
  return weightedMean(
    probabilities.map((row, i) => score(row, truth[i]!)),
    Array.from(weights),
  );
}

function checked({ truth, probabilities, weights }: ClassProbabilities): Required<ClassProbabilities> {
  assertSome("truth", truth.length);
  assertLength("probabilities", probabilities.length, truth.length);
  for (const [i, row] of probabilities.entries()) assertClass(`truth[${i}]`, truth[i]!, row.length);
  return { truth, probabilities, weights: weightsOf(truth.length, weights) };
}

/**
 * Expected calibration error (Guo et al. 2017): examples are put into `bins` equal intervals of the likeliest class's probability;
 * mean distance, weighted by their number, of a bin's accuracy from its mean probability. 0 for a model that is right as often as
 * it says. Of equally likely classes the first is taken. Throws E_METRIC_INPUT.
 */
export function calibrationError(input: ClassProbabilities, { bins = 15 }: { bins?: number } = {}): number {
  const { truth, probabilities, weights } = checked(input);
  const gaps = Array<number>(bins).fill(0);
  for (const [i, row] of probabilities.entries()) {
    const likeliest = Array.from(row).reduce((best, p, c) => (p > row[best]! ? c : best), 0);
    const p = row[likeliest]!;
    // Intervals are open below and closed above; probability 0 is in the first.
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(p * bins) - 1));
    gaps[bin]! += weights[i]! * (Number(likeliest === truth[i]) - p);
  }
  const total = Array.from(weights).reduce((sum, weight) => sum + weight, 0);
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total;
}

interface EventProbabilities {
  /** 1 where the event happened, else 0. */
  readonly truth: ArrayLike<number>;
  readonly probabilities: ArrayLike<number>;
  readonly weights?: ArrayLike<number>;
}

/** Mean squared distance of the probability from what happened (Brier 1950). Throws E_METRIC_INPUT. */
export function brierScore({ truth, probabilities, weights }: EventProbabilities): number {
  assertSome("truth", truth.length);
  assertLength("probabilities", probabilities.length, truth.length);
  const errors = Array.from(truth, (happened, i) => (probabilities[i]! - happened) ** 2);
  return weightedMean(errors, weightsOf(truth.length, weights));
}
