import { type ClassCounts, type Confusion, classCounts, ratio, sum } from "./confusion.ts";

export interface FScore {
  readonly precision: number;
  readonly recall: number;
  /** Harmonic mean of precision and recall. */
  readonly f1: number;
}

/**
 * How classes become one number: `macro` the mean of their scores (absent classes count 0), `micro` the score of the
 * pooled counts, `weighted` the mean by how often each class is true.
 */
export type Average = "macro" | "micro" | "weighted";

export const fScoreOf = ({ hits, predicted, actual }: ClassCounts): FScore => ({
  precision: ratio(hits, predicted),
  recall: ratio(hits, actual),
  f1: ratio(2 * hits, predicted + actual),
});

/** Precision, recall and F1 of each class. */
export const fScores = (confusion: Confusion): FScore[] => classCounts(confusion).map(fScoreOf);

/** Precision, recall and F1 of all classes. */
export const averageFScore = (confusion: Confusion, average: Average): FScore =>
  averageCounts(classCounts(confusion), average);

export function averageCounts(counts: readonly ClassCounts[], average: Average): FScore {
  if (average === "micro") {
    const pooled = (part: keyof ClassCounts) => sum(counts.map((one) => one[part]));
    return fScoreOf({ hits: pooled("hits"), predicted: pooled("predicted"), actual: pooled("actual") });
  }
  const shares = counts.map(({ actual }) => (average === "macro" ? 1 : actual));
  const scores = counts.map(fScoreOf);
  const mean = (part: keyof FScore) => ratio(sum(scores.map((one, k) => one[part] * shares[k]!)), sum(shares));
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}
