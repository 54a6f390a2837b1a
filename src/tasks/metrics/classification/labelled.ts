import { fail } from "../../../tensor/error.ts";

/** Weights of examples; 1 each where left out. Throws E_METRIC_INPUT where they are not one finite number ≥ 0 an example. */
export function weightsOf(count: number, weights?: ArrayLike<number>): number[] {
  if (weights === undefined) return Array(count).fill(1);
  assertLength("weights", weights.length, count);
  return Array.from(weights, (weight, i) => {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY))
      fail({ code: "E_METRIC_INPUT", where: `weights[${i}]`, expected: "a finite number from 0", got: String(weight) });
    return weight;
  });
}

/** Throws E_METRIC_INPUT. */
export function assertLength(where: string, length: number, expected: number): void {
  if (length !== expected) fail({ code: "E_METRIC_INPUT", where, expected: `${expected} values`, got: `${length}` });
}

/** Throws E_METRIC_INPUT where there is nothing to measure. */
export function assertSome(where: string, length: number): void {
  if (length === 0) fail({ code: "E_METRIC_INPUT", where, expected: "at least one value", got: "none" });
}

/** Throws E_METRIC_INPUT where a score cannot be put in order. */
export function assertOrdered(where: string, scores: ArrayLike<number>): void {
  for (let i = 0; i < scores.length; i++)
    if (Number.isNaN(scores[i]))
      fail({ code: "E_METRIC_INPUT", where: `${where}[${i}]`, expected: "a number", got: "NaN" });
}

/** Mean under weights; NaN where they sum to 0. */
export function weightedMean(values: readonly number[], weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return values.reduce((sum, value, i) => sum + value * weights[i]!, 0) / total;
}

export const meanOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
