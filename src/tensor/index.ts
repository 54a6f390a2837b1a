export * from "./dtype.ts";
export * from "./error.ts";
export * from "./functions.ts";
export { expandFused, expansions, type FusedNode, isFused } from "./fused.ts";
export * from "./graph.ts";
export { type Origin, within, withOrigin } from "./origin.ts";
export { broadcastShapes, convSize } from "./shape-rules.ts";
export * from "./tensor.ts";
export * from "./vocabulary.ts";
