export { type TrainingConfig, type TrainingInput, trainingSchema } from "./config.ts";
export { createEvaluator, type Evaluation, type EvaluationText, type Evaluator } from "./evaluate.ts";
export { type Objective, objectiveLosses } from "./objectives/index.ts";
export { adamScalars, adamw, groupScalars, type OptimizerConfig } from "./optimizers.ts";
export {
  type BatchShape,
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
export { type ScheduleConfig, scheduleFactor } from "./schedules.ts";
export { createTraining, type StepRecord, type Training } from "./training.ts";
