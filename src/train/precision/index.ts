export { fullPrecision, type PrecisionConfig, precisionSchema } from "./config.ts";
export { roundNumbers, storageKinds } from "./formats.ts";
export { roundTo } from "./round.ts";
export { storeCotangents, storeForward } from "./stored-graph.ts";
export { storedOptimizer } from "./stored-optimizer.ts";
