export {
  accuracy,
  balancedAccuracy,
  type ClassCounts,
  type Confusion,
  classCounts,
  cohenKappa,
  confusionOf,
  matthews,
  meanJaccard,
} from "./classification/confusion.ts";
export { type Average, averageFScore, type FScore, fScores } from "./classification/f-scores.ts";
export { meanAveragePrecision, oneVersusOneAuc, oneVersusRestAuc } from "./classification/many-classes.ts";
export {
  coverageError,
  hammingLoss,
  type Indicators,
  labelRankingLoss,
  labelRankingPrecision,
  multilabelAuc,
  multilabelAveragePrecision,
  multilabelFScore,
  subsetAccuracy,
} from "./classification/multilabel.ts";
export { brierScore, calibrationError, logLoss, topAccuracy } from "./classification/probabilities.ts";
export { discountedGain, meanReciprocalRank, normalisedDiscountedGain, recallAt } from "./classification/retrieval.ts";
export {
  averagePrecision,
  type Detection,
  type PrecisionRecallCurve,
  precisionRecallCurve,
  type RocCurve,
  rocAuc,
  rocCurve,
} from "./classification/roc.ts";
export * from "./forecasting/point-errors.ts";
export * from "./forecasting/probabilistic-errors.ts";
export * from "./forecasting/scaled-errors.ts";
export { type Image, peakSignalToNoise, type SsimOptions, structuralSimilarity } from "./images/image-quality.ts";
export * from "./perplexity.ts";
export { klDivergence, type Logits as AnswerLogits } from "./samples/divergence.ts";
export {
  frechetDistance,
  type Gaussian,
  gaussianDistance,
  gaussianOf,
  kernelDistance,
  type Rows,
} from "./samples/frechet.ts";
export { linearAlignment, meanCosine } from "./samples/similarity.ts";
export { scoreLabels, scoreNumbers, scoreSignals, type ValueScore } from "./score-values.ts";
export {
  type Assignment,
  bestAssignment,
  type Recovered,
  type SiSdrOptions,
  signalToNoise,
  siSdr,
  siSdrImprovement,
} from "./signals/separation.ts";
export { fitLine, kendall, type LineFit, pearson, spearman } from "./statistics/correlation.ts";
export {
  type Bias,
  excessKurtosis,
  type Interval,
  mean,
  meanInterval,
  median,
  medianDeviation,
  quantile,
  skewness,
  standardError,
  trimmedMean,
  variance,
} from "./statistics/describe.ts";
export * from "./statistics/distributions.ts";
export * from "./statistics/mean-tests.ts";
export * from "./statistics/proportion.ts";
export * from "./statistics/rank-tests.ts";
export { type Ranks, rank } from "./statistics/ranks.ts";
export type { TestResult } from "./statistics/test-result.ts";
export { type BleuOptions, bleu, bleuWords, type SignedBleu } from "./text/bleu.ts";
export type { BleuSmoothing } from "./text/bleu-score.ts";
export { type BleuTokenizer, bleuTokenizers } from "./text/bleu-tokenizers.ts";
export { type BracketedAnswer, type BracketScore, bracketScore, constituentsOf } from "./text/brackets.ts";
export { type ChrfOptions, type ChrfScore, chrf } from "./text/chrf.ts";
export { countEdits, type EditCounts } from "./text/edit-counts.ts";
export { type ErrorRates, type ErrorUnit, errorRates, positionIndependentErrorRate } from "./text/error-rates.ts";
export { porterStem } from "./text/porter-stemmer.ts";
export { type RougeKind, type RougeOptions, type RougeScore, rouge } from "./text/rouge.ts";
export {
  type NamedScore,
  scoreSegments,
  scoreText,
  type TextMetric,
  type TextScoreOptions,
  textMetrics,
} from "./text/score-text.ts";
export type { ScoredText } from "./text/scored-text.ts";
export { type TerScore, ter } from "./text/ter.ts";
export type { TerNormalisation } from "./text/ter-normalise.ts";
