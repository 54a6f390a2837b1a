/** What a classifier confuses, and every score that follows from it. Zero divisions count as 0, as in scikit-learn. */
import { fail } from "../../../tensor/error.ts";
import { assertLength, assertSome, weightsOf } from "./labelled.ts";

/** Row: true class; column: predicted class; entry: summed weights of the examples. */
export type Confusion = readonly (readonly number[])[];

interface Predictions {
  /** Classes, numbered from 0. */
  readonly truth: ArrayLike<number>;
  readonly predicted: ArrayLike<number>;
  /** Number of classes, those that never occur included. */
  readonly classes: number;
  readonly weights?: ArrayLike<number>;
}

/** Throws E_METRIC_INPUT where lengths differ or a class is out of range. */
export function confusionOf({ truth, predicted, classes, weights }: Predictions): Confusion {
  assertSome("truth", truth.length);
  assertLength("predicted", predicted.length, truth.length);
  const shares = weightsOf(truth.length, weights);
  const table = Array.from({ length: classes }, () => Array<number>(classes).fill(0));
  for (const [i, share] of shares.entries()) {
    assertClass(`truth[${i}]`, truth[i]!, classes);
    assertClass(`predicted[${i}]`, predicted[i]!, classes);
    table[truth[i]!]![predicted[i]!]! += share;
  }
  return table;
}

export function assertClass(where: string, value: number, classes: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= classes)
    fail({ code: "E_METRIC_INPUT", where, expected: `a class from 0 to ${classes - 1}`, got: String(value) });
}

/** Hits, and what was said or was true, of one class. */
export interface ClassCounts {
  readonly hits: number;
  readonly predicted: number;
  readonly actual: number;
}

export function classCounts(confusion: Confusion): ClassCounts[] {
  return confusion.map((row, k) => ({
    hits: row[k]!,
    predicted: confusion.reduce((total, other) => total + other[k]!, 0),
    actual: sum(row),
  }));
}

/** Share of examples whose class was predicted. */
export function accuracy(confusion: Confusion): number {
  return ratio(sum(confusion.map((row, k) => row[k]!)), sum(confusion.map(sum)));
}

/** Mean recall of the classes that occur. */
export function balancedAccuracy(confusion: Confusion): number {
  const recalls = classCounts(confusion).filter(({ actual }) => actual > 0);
  return ratio(sum(recalls.map(({ hits, actual }) => hits / actual)), recalls.length);
}

/** Matthews' correlation for any number of classes (Gorodkin 2004): −1 to 1, 0 for a constant guess. */
export function matthews(confusion: Confusion): number {
  const counts = classCounts(confusion);
  const total = sum(counts.map(({ actual }) => actual));
  const hits = sum(counts.map((one) => one.hits));
  const overlap = (a: keyof ClassCounts, b: keyof ClassCounts) => sum(counts.map((one) => one[a] * one[b]));
  const spread = (total ** 2 - overlap("predicted", "predicted")) * (total ** 2 - overlap("actual", "actual"));
  return ratio(hits * total - overlap("actual", "predicted"), Math.sqrt(spread));
}

/**
 * Cohen's kappa: agreement beyond chance, 1 at best. `quadratic` weighs a confusion by the squared distance of the
 * classes, for classes that are grades. NaN where chance agrees with certainty.
 */
export function cohenKappa(confusion: Confusion, disagreement: "any" | "quadratic" = "any"): number {
  const counts = classCounts(confusion);
  const total = sum(counts.map(({ actual }) => actual));
  const weigh =
    disagreement === "any" ? (i: number, j: number) => Number(i !== j) : (i: number, j: number) => (i - j) ** 2;
  const weighted = (entry: (i: number, j: number) => number) =>
    sum(counts.map((_, i) => sum(counts.map((__, j) => weigh(i, j) * entry(i, j)))));
  const observed = weighted((i, j) => confusion[i]![j]!);
  return 1 - observed / weighted((i, j) => (counts[i]!.actual * counts[j]!.predicted) / total);
}

/** Mean over classes of |said ∩ true| / |said ∪ true|. */
export function meanJaccard(confusion: Confusion): number {
  const shares = classCounts(confusion).map(({ hits, predicted, actual }) => ratio(hits, predicted + actual - hits));
  return sum(shares) / shares.length;
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** A zero division counts as 0. */
export const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
