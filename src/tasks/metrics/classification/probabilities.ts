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

function meanOfRows(
  { truth, probabilities, weights }: ClassProbabilities,
  score: (row: ArrayLike<number>, truth: number) => number,
): number {
  assertSome("truth", truth.length);
  assertLength("probabilities", probabilities.length, truth.length);
  const scores = probabilities.map((row, i) => {
    assertClass(`truth[${i}]`, truth[i]!, row.length);
    return score(row, truth[i]!);
  });
  return weightedMean(scores, weightsOf(truth.length, weights));
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
