export { fullPrecision, type PrecisionConfig, precisionSchema } from "./config.ts";
export { roundNumbers, storageKinds } from "./formats.ts";
export { roundScaled, roundTo } from "./round.ts";
export { storeCotangents, stored, storeForward } from "./stored-graph.ts";
export { storedOptimizer } from "./stored-optimizer.ts";
