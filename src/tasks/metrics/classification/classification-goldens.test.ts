/** `metrics/classification` and `metrics/multilabel`: scikit-learn's values. */
import { describe, it } from "vitest";
import { goldensMissing } from "../../../testing/goldens/index.ts";
import { expectValues, jsonCases } from "../json-cases.fixture.ts";
import { accuracy, balancedAccuracy, cohenKappa, confusionOf, matthews, meanJaccard } from "./confusion.ts";
import { averageFScore, fScores } from "./f-scores.ts";
import { meanAveragePrecision, oneVersusOneAuc, oneVersusRestAuc } from "./many-classes.ts";
import {
  coverageError,
  hammingLoss,
  labelRankingLoss,
  labelRankingPrecision,
  multilabelAuc,
  multilabelAveragePrecision,
  multilabelFScore,
  subsetAccuracy,
} from "./multilabel.ts";
import { brierScore, logLoss, topAccuracy } from "./probabilities.ts";
import { discountedGain, normalisedDiscountedGain } from "./retrieval.ts";
import { averagePrecision, precisionRecallCurve, rocAuc, rocCurve } from "./roc.ts";

interface ClassificationCase {
  config: { classes: number };
  y: number[];
  probs: number[][];
  pred: number[];
  weights: number[] | null;
  expected: Record<string, unknown>;
}

interface MultilabelCase {
  y: number[][];
  scores: number[][];
  pred: number[][];
  expected: Record<string, unknown>;
}

const missing = goldensMissing();

function scoresOf({ config, y, probs, pred, weights, expected }: ClassificationCase): Record<string, unknown> {
  const shares = weights === null ? {} : { weights };
  const confusion = confusionOf({ truth: y, predicted: pred, classes: config.classes, ...shares });
  const input = { truth: y, probabilities: probs, ...shares };
  const each = fScores(confusion);
  const shared = {
    confusion,
    accuracy: accuracy(confusion),
    balanced_accuracy: balancedAccuracy(confusion),
    mcc: matthews(confusion),
    cohen_kappa: cohenKappa(confusion),
    cohen_kappa_quadratic: cohenKappa(confusion, "quadratic"),
    jaccard_macro: meanJaccard(confusion),
    prf_macro: { ...averageFScore(confusion, "macro"), support: null },
    prf_micro: { ...averageFScore(confusion, "micro"), support: null },
    prf_weighted: { ...averageFScore(confusion, "weighted"), support: null },
    prf_per_class: {
      precision: each.map((one) => one.precision),
      recall: each.map((one) => one.recall),
      f1: each.map((one) => one.f1),
      support: confusion.map((row) => row.reduce((a, b) => a + b, 0)),
    },
    log_loss: logLoss(input),
  };
  if (config.classes > 2) return { ...shared, ...manyClasses(input, "roc_auc_ovr_macro" in expected) };
  const detection = { truth: y, scores: probs.map((row) => row[1]!), ...shares };
  const roc = rocCurve(detection);
  const curve = precisionRecallCurve(detection);
  return {
    ...shared,
    f1_binary: each[1]!.f1,
    brier: brierScore({ truth: y, probabilities: detection.scores, ...shares }),
    roc_auc: rocAuc(detection),
    roc_auc_max_fpr_0_2: rocAuc(detection, { maxFalsePositiveRate: 0.2 }),
    average_precision: averagePrecision(detection),
    roc: { fpr: roc.falsePositiveRates, tpr: roc.truePositiveRates, thresholds: roc.thresholds },
    pr: { precision: curve.precisions, recall: curve.recalls, thresholds: curve.thresholds },
  };
}

function manyClasses(input: Parameters<typeof logLoss>[0], everyClassOccurs: boolean): Record<string, unknown> {
  const top = { top_2_accuracy: topAccuracy(input, { k: 2 }) };
  if (!everyClassOccurs) return top;
  return {
    ...top,
    roc_auc_ovr_macro: oneVersusRestAuc(input),
    roc_auc_ovr_weighted: oneVersusRestAuc(input, { average: "weighted" }),
    average_precision_macro: meanAveragePrecision(input),
    // Pairs of classes ignore weights, here as in scikit-learn, which gives no value for weighted examples.
    ...(input.weights
      ? {}
      : {
          roc_auc_ovo_macro: oneVersusOneAuc(input),
          roc_auc_ovo_weighted: oneVersusOneAuc(input, { average: "weighted" }),
        }),
  };
}

describe.skipIf(missing)(`scikit-learn's values${missing ? `: ${missing}` : ""}`, () => {
  it.each(jsonCases<ClassificationCase>("metrics/classification"))("$name agrees", ({ value }) => {
    expectValues(scoresOf(value), value.expected);
  });

  it.each(jsonCases<MultilabelCase>("metrics/multilabel"))("$name agrees", ({ value }) => {
    const [sets, scored] = [
      { truth: value.y, predicted: value.pred },
      { truth: value.y, scores: value.scores },
    ];
    const ranked = { relevance: value.y, scores: value.scores };
    const f1 = (["macro", "micro", "weighted", "samples"] as const).map((average) => [
      `f1_${average}`,
      multilabelFScore(sets, average).f1,
    ]);
    const ours = {
      ...Object.fromEntries(f1),
      subset_accuracy: subsetAccuracy(sets),
      hamming_loss: hammingLoss(sets),
      label_ranking_average_precision: labelRankingPrecision(scored),
      coverage_error: coverageError(scored),
      label_ranking_loss: labelRankingLoss(scored),
      ndcg: normalisedDiscountedGain(ranked),
      ndcg_at_3: normalisedDiscountedGain(ranked, { k: 3 }),
      dcg: discountedGain(ranked),
      roc_auc_macro: multilabelAuc(scored, "macro"),
      roc_auc_micro: multilabelAuc(scored, "micro"),
      average_precision_macro: multilabelAveragePrecision(scored, "macro"),
      average_precision_micro: multilabelAveragePrecision(scored, "micro"),
    };
    expectValues(ours, value.expected);
  });
});
