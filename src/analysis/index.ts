export { type ComparisonEvent, type ComparisonOptions, compare } from "./comparison/compare.ts";
export type { ComparedData } from "./comparison/prepare.ts";
export { describeMachine, figure, versions } from "./comparison/protocol.ts";
export type * from "./comparison/results.ts";
export { parseBudget, parseSize } from "./comparison/settings.ts";
export { equalise } from "./comparison/sizing.ts";
export { knownWordShare, wordsOf } from "./comparison/words.ts";
export * from "./cost.ts";
export { inverseParticipationRatio, powerSpectrum } from "./fourier-sparsity.ts";
export { type InspectOptions, inspect } from "./inspect/inspect.ts";
export { type LayerProbe, type ProbedTexts, probeLayers } from "./inspect/layer-probes.ts";
export {
  diagnoseFit,
  type FitDiagnosis,
  type LossHistory,
  measureGap,
  type OverfittingGap,
} from "./inspect/overfitting.ts";
export type * from "./inspect/results.ts";
export { classesOf, type LinearFit, ridge } from "./inspect/ridge.ts";
export { sampleOf } from "./inspect/sample.ts";
export { tensorNames } from "./inspect/tensors.ts";
export type { LayerCost } from "./layer-costs.ts";
export { isProduct } from "./profile/product-flops.ts";
export { type ProfileOptions, profileModel } from "./profile/profile.ts";
export type * from "./profile/results.ts";
export * from "./programs/gradient-descent.ts";
export * from "./programs/hand-written.ts";
export * from "./programs/looped-computer.ts";
export * from "./programs/subleq.ts";
export * from "./study/index.ts";
export * from "./work.ts";
