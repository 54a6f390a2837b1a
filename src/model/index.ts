export { buildModel } from "./build.ts";
export type { FurtherLogits } from "./further-heads.ts";
export { type InitScheme, initSchemes } from "./init-scheme.ts";
export { initialise } from "./initialise.ts";
export * from "./model.ts";
export { isShape, type Part, type Source, stateShape } from "./part.ts";
export { stagesOf } from "./solver-steps.ts";
export * from "./spec.ts";
