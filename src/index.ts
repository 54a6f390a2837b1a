/** Define, train, compare and describe sequence models from one declarative spec. */
export {
  type Comparison,
  type ComparisonEvent,
  type ComparisonOptions,
  type ComparisonResult,
  compare,
  describeModel,
  type Figure,
  type ModelDescription,
  parseBudget,
  parseSize,
} from "./analysis/index.ts";
export {
  type Checkpoint,
  createRun,
  type LoadedCheckpoint,
  listRuns,
  loadCheckpoint,
  openRun,
  type Run,
  readMetrics,
  resumeCheckpoint,
  saveCheckpoint,
} from "./checkpoints/index.ts";
export {
  type Corpus,
  createBpeTokenizer,
  fitTokenizer,
  loadCorpus,
  splitCorpus,
  type Tokenizer,
  type TokenizerChoice,
  tokenizerFromJSON,
} from "./data/index.ts";
export {
  createEngine,
  createNodeEngine,
  createReferenceEngine,
  type Engine,
  type EngineKind,
  engineKinds,
} from "./engine/index.ts";
export {
  createGenerator,
  type Generation,
  type GenerationRequest,
  type Generator,
  putParameters,
} from "./generate/index.ts";
export type { Model, ModelSpec } from "./model/index.ts";
export { comparisonTable, renderComparison } from "./report/index.ts";
export {
  type BuiltModel,
  buildSpec,
  canonicalSpec,
  loadSpec,
  parseSpecText,
  type SpecInput,
  shippedSpecs,
} from "./spec/index.ts";
export { SeqlabError } from "./tensor/index.ts";
export {
  createEvaluator,
  createTraining,
  type Evaluation,
  type Evaluator,
  type RunProgress,
  runTraining,
  type StepRecord,
  type Training,
  type TrainingConfig,
  type TrainingInput,
  trainingSchema,
} from "./train/index.ts";
