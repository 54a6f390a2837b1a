import { describe, expect, it } from "vitest";
import { accuracy, balancedAccuracy, cohenKappa, confusionOf, matthews } from "./confusion.ts";
import { averageFScore, fScores } from "./f-scores.ts";
import { multilabelFScore, subsetAccuracy } from "./multilabel.ts";
import { calibrationError, logLoss, topAccuracy } from "./probabilities.ts";
import { meanReciprocalRank, normalisedDiscountedGain, recallAt } from "./retrieval.ts";
import { averagePrecision, rocAuc, rocCurve } from "./roc.ts";

describe("classification metrics", () => {
  // Class 2 is never true, class 3 neither true nor predicted.
  const confusion = confusionOf({ truth: [0, 0, 0, 1, 1], predicted: [0, 0, 1, 1, 2], classes: 4 });

  it("[accuracy-f1-auc-mrr-recall] accuracy and F1 equal a table worked by hand, empty classes included", () => {
    expect(confusion).toEqual([
      [2, 1, 0, 0],
      [0, 1, 1, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(accuracy(confusion)).toBeCloseTo(3 / 5, 12);
    expect(balancedAccuracy(confusion)).toBeCloseTo((2 / 3 + 1 / 2) / 2, 12);
    expect(fScores(confusion)).toEqual([
      { precision: 1, recall: expect.closeTo(2 / 3, 12), f1: expect.closeTo(4 / 5, 12) },
      { precision: 0.5, recall: 0.5, f1: 0.5 },
      { precision: 0, recall: 0, f1: 0 },
      { precision: 0, recall: 0, f1: 0 },
    ]);
    expect(averageFScore(confusion, "macro").f1).toBeCloseTo(1.3 / 4, 12);
    expect(averageFScore(confusion, "weighted").f1).toBeCloseTo((3 * 0.8 + 2 * 0.5) / 5, 12);
    expect(averageFScore(confusion, "micro").f1).toBeCloseTo(3 / 5, 12);
  });

  it("[accuracy-f1-auc-mrr-recall] AUC equals a table worked by hand, ties included", () => {
    // Pairs of positive over negative: .9 over .8 .5 .1 (3), .5 over .8 (0), .5 (½), .1 (1): 4½ of 6.
    const detection = { truth: [1, 0, 1, 0, 0], scores: [0.9, 0.8, 0.5, 0.5, 0.1] };
    expect(rocAuc(detection)).toBeCloseTo(4.5 / 6, 12);
    expect(rocCurve(detection)).toEqual({
      falsePositiveRates: [0, 0, 1 / 3, 2 / 3, 1],
      truePositiveRates: [0, 0.5, 0.5, 1, 1],
      thresholds: [Number.POSITIVE_INFINITY, 0.9, 0.8, 0.5, 0.1],
    });
    // Precision 1 at recall ½, then 2/4 at recall 1: the tie is one step.
    expect(averagePrecision(detection)).toBeCloseTo(0.5 * 1 + 0.5 * 0.5, 12);
    expect(rocAuc({ truth: [1, 1, 0, 0], scores: [3, 3, 3, 3] })).toBe(0.5);
    expect(rocAuc({ truth: [1, 1], scores: [1, 2] })).toBeNaN();
  });

  it("[accuracy-f1-auc-mrr-recall] MRR and recall equal a table worked by hand, ties and empty queries included", () => {
    const rankings = {
      relevance: [
        [0, 1, 0, 1],
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 0],
      ],
      scores: [
        [4, 3, 2, 1],
        [9, 1, 1, 1],
        [5, 5, 5, 5],
        [1, 2, 3, 4],
      ],
    };
    // First relevant at 2; at 1; tied with three others, so at 4; nowhere.
    expect(meanReciprocalRank(rankings)).toBeCloseTo((1 / 2 + 1 + 1 / 4 + 0) / 4, 12);
    // Among the first two: 1 of 2, 1 of 1, 0 of 1; the query without relevant documents is left out.
    expect(recallAt(rankings, { k: 2 })).toBeCloseTo((1 / 2 + 1 + 0) / 3, 12);
    expect(recallAt(rankings, { k: 4 })).toBe(1);
  });

  it("calibration is off by what is promised beyond what comes true, bin by bin", () => {
    const rows = (ps: number[]) => ps.map((p) => [p, 1 - p]);
    // In (0.8, 0.9]: two promises of 0.9, one kept; in (0.5, 0.6]: 0.6 kept. (2 · |0.5 − 0.9| + |1 − 0.6|) / 3.
    const input = { truth: [0, 1, 0], probabilities: rows([0.9, 0.9, 0.6]) };
    expect(calibrationError(input, { bins: 10 })).toBeCloseTo((0.8 + 0.4) / 3, 12);
    // All in one bin: |2/3 − 0.8|.
    expect(calibrationError(input, { bins: 1 })).toBeCloseTo(0.8 - 2 / 3, 12);
    expect(calibrationError({ ...input, weights: [1, 0, 0] }, { bins: 10 })).toBeCloseTo(0.1, 12);
    const kept = { truth: [0, 0, 0, 1], probabilities: rows([0.75, 0.75, 0.75, 0.75]) };
    expect(calibrationError(kept)).toBeCloseTo(0, 12);
    expect(
      calibrationError({
        truth: [0, 1],
        probabilities: [
          [1, 0],
          [0, 1],
        ],
      }),
    ).toBe(0);
  });

  it("is 0 for a constant guess, 1 for a perfect one", () => {
    const [truth, constant] = [
      [0, 1, 2, 0],
      [0, 0, 0, 0],
    ];
    const guess = confusionOf({ truth: truth!, predicted: constant!, classes: 3 });
    const perfect = confusionOf({ truth: truth!, predicted: truth!, classes: 3 });
    expect([matthews(guess), cohenKappa(guess)]).toEqual([0, 0]);
    expect([matthews(perfect), cohenKappa(perfect)]).toEqual([1, 1]);
  });

  it("keeps certain errors finite", () => {
    const input = { truth: [0], probabilities: [[0, 1]] };
    expect(logLoss(input)).toBeCloseTo(52 * Math.LN2, 9);
    expect(topAccuracy(input, { k: 1 })).toBe(0);
    expect(topAccuracy(input, { k: 2 })).toBe(1);
  });

  it("scores sets of labels", () => {
    const sets = {
      truth: [
        [1, 1, 0],
        [0, 0, 1],
      ],
      predicted: [
        [1, 0, 0],
        [0, 0, 1],
      ],
    };
    expect(subsetAccuracy(sets)).toBe(0.5);
    expect(multilabelFScore(sets, "micro").f1).toBeCloseTo(4 / 5, 12);
    expect(multilabelFScore(sets, "samples").f1).toBeCloseTo((2 / 3 + 1) / 2, 12);
  });

  it("gives the best order a gain of 1", () => {
    expect(normalisedDiscountedGain({ relevance: [[3, 0, 1]], scores: [[9, 1, 5]] })).toBeCloseTo(1, 12);
    expect(normalisedDiscountedGain({ relevance: [[0, 0]], scores: [[1, 2]] })).toBe(0);
  });

  it("refuses what does not correspond", () => {
    expect(() => confusionOf({ truth: [0, 2], predicted: [0, 0], classes: 2 })).toThrow(
      "truth[1]: expected a class from 0 to 1, got 2. [E_METRIC_INPUT]",
    );
    expect(() => confusionOf({ truth: [0], predicted: [0], classes: 1, weights: [-1] })).toThrow("weights[0]");
    expect(() => rocAuc({ truth: [0, 1], scores: [Number.NaN, 1] })).toThrow("scores[0]");
    expect(() => recallAt({ relevance: [[1]], scores: [[1, 2]] }, { k: 1 })).toThrow("expected 1 values, got 2");
  });
});
