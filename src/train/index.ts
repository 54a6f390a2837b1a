export { bestName } from "./best.ts";
export { type TrainingConfig, type TrainingInput, trainingSchema } from "./config.ts";
export { createEvaluator, type Evaluation, type EvaluationText, type Evaluator } from "./evaluate.ts";
export { type Objective, objectiveLosses } from "./objectives/index.ts";
export {
  adamScalars,
  adamw,
  clipGradients,
  createOptimizer,
  Lbfgs,
  type LbfgsInput,
  type Optimizer,
  type OptimizerConfig,
  type OptimizerInput,
  optimizerSchema,
  optimizers,
} from "./optimizers/index.ts";
export { roundNumbers, storageKinds } from "./precision/index.ts";
export {
  evaluationIo,
  evaluationProgram,
  inputSource,
  trainingIo,
  trainingProgram,
} from "./programs.ts";
export {
  evaluationRecord,
  type RunProgress,
  type RunTrainingOptions,
  type RunTrainingOutcome,
  runTraining,
} from "./run.ts";
export {
  type PlateauConfig,
  plateauFactors,
  plateauSchema,
  type ScheduleConfig,
  type ScheduleInput,
  scheduleFactor,
  scheduleSchema,
  schedules,
} from "./schedules/index.ts";
export { createTraining, type StepRecord, type Training, type TrainingData } from "./training.ts";
