/** Evaluations: synthetic tasks that a model solves or does not, and what a result is worth. */
export { stepsReaching, stepsWithin } from "./budget.ts";
export { type Codec, type CodecJSON, codecFromJSON, tokenizerCodec } from "./codec.ts";
export type { Dataset, Score, ScoreOptions } from "./dataset.ts";
export {
  assertObjective,
  assertSameFacts,
  type DatasetDescription,
  datasetDescription,
  datasetHash,
  openDataset,
} from "./description.ts";
export { createTaskEvaluator, type TaskEvaluator } from "./evaluate.ts";
export { type HoltWinters, holtWinters, type Smoothed } from "./forecasts/holt-winters.ts";
export { type G2pOptions, openG2p } from "./g2p/g2p.ts";
export * from "./metrics/index.ts";
export { type Part, partOf, sampleOf, testRatio } from "./part.ts";
export { type ConfiguredTask, parseTask, tasks } from "./registry.ts";
export { scoreTask, type TaskScore } from "./score.ts";
export { type Lengths, lengthsWithin } from "./sizes.ts";
export { type StreamOptions, type TaskWindows, taskBatches, taskWindows } from "./stream.ts";
export { type SyntheticOptions, syntheticDataset } from "./synthetic.ts";
export { chance, type Example, type Size, type Task } from "./task.ts";
export { type TextOptions, textDataset } from "./text.ts";
export { openTranslation, type TranslationOptions } from "./translation/translation.ts";
