/** What a cell's result is read for, by name. */
import type { CellResult, TestResult } from "./cell.ts";

export interface Measure {
  title: string;
  unit: "nats" | "bits" | "share" | "count" | "ratio" | "";
  better: "lower" | "higher" | "neither";
  /** Of one test where it depends on the test. NaN where it is not defined. */
  value(result: CellResult, test: TestResult | undefined): number;
  perTest: boolean;
}

const none = Number.NaN;

/** Answers hardly better than by their frequencies count as not learnt. */
export const learntShare = 0.95;

const failed = ({ outcome, trainLoss, frequencyNats }: CellResult): number =>
  outcome === "diverged" || !(trainLoss < learntShare * frequencyNats) ? 1 : 0;

const ofResult = (title: string, unit: Measure["unit"], better: Measure["better"], value: (r: CellResult) => number) =>
  ({ title, unit, better, value, perTest: false }) satisfies Measure;
const ofTest = (title: string, unit: Measure["unit"], better: Measure["better"], value: (t: TestResult) => number) =>
  ({
    ...{ title, unit, better, perTest: true },
    value: (_: CellResult, test: TestResult | undefined) => (test ? value(test) : none),
  }) satisfies Measure;

const meanOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

export const measures = {
  bits: ofTest("test loss", "bits", "lower", ({ bits }) => bits),
  accuracy: ofTest("accuracy", "share", "higher", ({ scores }) => scores["accuracy"] ?? none),
  exactMatch: ofTest("exact match", "share", "higher", ({ scores }) => scores["exact match"] ?? none),
  wordErrors: ofTest("word error rate", "share", "lower", ({ scores }) => scores["word error rate"] ?? none),
  phonemeErrors: ofTest("phoneme error rate", "share", "lower", ({ scores }) => scores["phoneme error rate"] ?? none),
  trainLoss: ofResult("training loss at the end", "nats", "lower", ({ trainLoss }) => trainLoss),
  meanLoss: ofResult("mean training loss", "nats", "lower", ({ meanLoss }) => meanLoss),
  failed: ofResult("failed", "share", "lower", failed),
  parameters: ofResult("parameters", "count", "neither", ({ parameters }) => parameters),
  flopsPerToken: ofResult("training FLOPs a token", "count", "lower", ({ flopsPerToken }) => flopsPerToken),
  tokens: ofResult("training tokens", "count", "neither", ({ tokens }) => tokens),
  entropy: ofResult("entropy of attention", "share", "neither", ({ attention }) =>
    attention ? meanOf(attention.entropy.map(meanOf)) : none,
  ),
  largestWeight: ofResult("largest weight", "share", "neither", ({ attention }) => attention?.largest ?? none),
  headDistance: ofResult("distance of heads", "share", "neither", ({ attention }) => attention?.headDistance ?? none),
  gradientRatio: ofResult("gradient, first / last layer", "ratio", "neither", ({ gradientNorms: norms }) =>
    norms ? norms[0]! / norms.at(-1)! : none,
  ),
} as const satisfies Record<string, Measure>;

export type MeasureName = keyof typeof measures;
export const measureNames = Object.keys(measures) as [MeasureName, ...MeasureName[]];
