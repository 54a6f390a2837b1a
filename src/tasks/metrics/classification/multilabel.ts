/** Examples that may have any number of labels: rows of 0 and 1. */
import { type ClassCounts, ratio, sum } from "./confusion.ts";
import { type Average, averageCounts, type FScore, fScoreOf } from "./f-scores.ts";
import { assertLength, assertSome, meanOf } from "./labelled.ts";
import { averagePrecision, type Detection, rocAuc } from "./roc.ts";

export type Indicators = readonly ArrayLike<number>[];

interface LabelPredictions {
  readonly truth: Indicators;
  readonly predicted: Indicators;
}

interface LabelScores {
  readonly truth: Indicators;
  readonly scores: Indicators;
}

/** Also `samples`: the mean of each example's own score. */
export function multilabelFScore({ truth, predicted }: LabelPredictions, average: Average | "samples"): FScore {
  assertRows("predicted", predicted, truth);
  const rows = truth.map((row, i) => countHits(Array.from(row), Array.from(predicted[i]!)));
  if (average === "samples") {
    const scores = rows.map(fScoreOf);
    const mean = (part: keyof FScore) => meanOf(scores.map((score) => score[part]));
    return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
  }
  const columns = labelsOf(truth).map((k) => countHits(column(truth, k), column(predicted, k)));
  return averageCounts(columns, average);
}

/** Share of examples whose labels are all right. */
export function subsetAccuracy({ truth, predicted }: LabelPredictions): number {
  return meanOf(wrongLabels({ truth, predicted }).map((wrong) => Number(wrong === 0)));
}

/** Share of labels that are wrong. */
export function hammingLoss({ truth, predicted }: LabelPredictions): number {
  return meanOf(wrongLabels({ truth, predicted }).map((wrong, i) => wrong / truth[i]!.length));
}

/** ROC AUC over labels (`macro`: mean of each) or over all label decisions at once (`micro`). */
export const multilabelAuc = (input: LabelScores, average: "macro" | "micro"): number =>
  meanOf(detections(input, average).map((one) => rocAuc(one)));

/** Average precision over labels or over all label decisions at once. */
export const multilabelAveragePrecision = (input: LabelScores, average: "macro" | "micro"): number =>
  meanOf(detections(input, average).map(averagePrecision));

function detections({ truth, scores }: LabelScores, average: "macro" | "micro"): Detection[] {
  assertRows("scores", scores, truth);
  const flat = (rows: Indicators) => rows.flatMap((row) => Array.from(row));
  if (average === "micro") return [{ truth: flat(truth), scores: flat(scores) }];
  return labelsOf(truth).map((k) => ({ truth: column(truth, k), scores: column(scores, k) }));
}

function wrongLabels({ truth, predicted }: LabelPredictions): number[] {
  assertRows("predicted", predicted, truth);
  return truth.map((row, i) => sum(Array.from(row, (label, k) => Number(label !== predicted[i]![k]))));
}

export function assertRows(where: string, rows: Indicators, truth: Indicators): void {
  assertSome("truth", truth.length);
  assertLength(where, rows.length, truth.length);
  for (const [i, row] of rows.entries()) assertLength(`${where}[${i}]`, row.length, truth[i]!.length);
}

const labelsOf = (rows: Indicators): number[] => Array.from(rows[0]!, (_, k) => k);
const column = (rows: Indicators, k: number): number[] => rows.map((row) => row[k]!);

function countHits(truth: readonly number[], predicted: readonly number[]): ClassCounts {
  return { hits: sum(truth.map((label, k) => label * predicted[k]!)), predicted: sum(predicted), actual: sum(truth) };
}

/** Share of an example's labels among those scored at least as high, averaged over its labels; 1 with none or all. */
export function labelRankingPrecision(input: LabelScores): number {
  return meanOfRankings(input, ({ right, wrong }) => {
    if (right.length === 0 || wrong.length === 0) return 1;
    return meanOf(right.map((s) => ratio(countFrom(right, s), countFrom(right, s) + countFrom(wrong, s))));
  });
}

/** How many of the highest labels have to be taken to have all the right ones. */
export const coverageError = (input: LabelScores): number =>
  meanOfRankings(input, ({ right, wrong }) => {
    const lowest = Math.min(...right);
    return countFrom(right, lowest) + countFrom(wrong, lowest);
  });

/** Share of pairs of a right and a wrong label in which the wrong one scores at least as high. */
export const labelRankingLoss = (input: LabelScores): number =>
  meanOfRankings(input, ({ right, wrong }) =>
    ratio(sum(right.map((score) => countFrom(wrong, score))), right.length * wrong.length),
  );

const countFrom = (scores: readonly number[], least: number): number => scores.filter((score) => score >= least).length;

/** Scores of the labels an example has, and of those it has not. */
function meanOfRankings(
  { truth, scores }: LabelScores,
  measure: (ranking: { right: number[]; wrong: number[] }) => number,
): number {
  assertRows("scores", scores, truth);
  const pick = (i: number, label: number) => Array.from(scores[i]!).filter((_, k) => truth[i]![k] === label);
  return meanOf(truth.map((_, i) => measure({ right: pick(i, 1), wrong: pick(i, 0) })));
}
