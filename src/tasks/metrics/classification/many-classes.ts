/** Ranking scores for more than two classes. */
import { sum } from "./confusion.ts";
import { meanOf, weightsOf } from "./labelled.ts";
import { averagePrecision, type Detection, rocAuc } from "./roc.ts";

interface ScoredClasses {
  /** Classes, numbered from 0. */
  readonly truth: ArrayLike<number>;
  /** One row an example, one number a class. */
  readonly probabilities: readonly ArrayLike<number>[];
  readonly weights?: ArrayLike<number>;
}

/** `weighted`: by how often a class, or a pair of classes, occurs. */
type ClassAverage = "macro" | "weighted";

/** ROC AUC of each class against all others, averaged. NaN where a class is absent. */
export function oneVersusRestAuc(input: ScoredClasses, { average = "macro" }: { average?: ClassAverage } = {}): number {
  const classes = detections(input);
  const areas = classes.map((one) => rocAuc(one));
  if (average === "macro") return meanOf(areas);
  const weights = weightsOf(input.truth.length, input.weights);
  const shares = classes.map(({ truth }) => sum(weights.map((weight, i) => weight * truth[i]!)));
  return sum(areas.map((area, k) => area * shares[k]!)) / sum(shares);
}

/** Mean over classes of the average precision of each against all others. */
export const meanAveragePrecision = (input: ScoredClasses): number => meanOf(detections(input).map(averagePrecision));

/** ROC AUC of each pair of classes, both ways, averaged (Hand & Till 2001). Examples count alike. */
export function oneVersusOneAuc(
  { truth, probabilities }: ScoredClasses,
  { average = "macro" }: { average?: ClassAverage } = {},
): number {
  const classes = Array.from({ length: probabilities[0]?.length ?? 0 }, (_, k) => k);
  const pairs = classes.flatMap((a) => classes.slice(a + 1).map((b) => [a, b] as const));
  const scores = pairs.map(([a, b]) => {
    const rows = probabilities.map((_, i) => i).filter((i) => truth[i] === a || truth[i] === b);
    const auc = (positive: number) =>
      rocAuc({
        truth: rows.map((i) => Number(truth[i] === positive)),
        scores: rows.map((i) => probabilities[i]![positive]!),
      });
    return {
      area: rows.length === 0 ? Number.NaN : (auc(a) + auc(b)) / 2,
      share: average === "macro" ? 1 : rows.length,
    };
  });
  return sum(scores.map(({ area, share }) => area * share)) / sum(scores.map(({ share }) => share));
}

/** Each class as the event to be detected. */
function detections({ truth, probabilities, weights }: ScoredClasses): Detection[] {
  return Array.from({ length: probabilities[0]?.length ?? 0 }, (_, k) => ({
    truth: Array.from(truth, (label) => Number(label === k)),
    scores: probabilities.map((row) => row[k]!),
    ...(weights && { weights }),
  }));
}
