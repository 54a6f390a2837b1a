export { type ComparisonEvent, type ComparisonOptions, compare } from "./comparison/compare.ts";
export { describeMachine, figure, versions } from "./comparison/protocol.ts";
export type * from "./comparison/results.ts";
export { parseBudget, parseSize } from "./comparison/settings.ts";
export { equalise } from "./comparison/sizing.ts";
export { knownWordShare, wordsOf } from "./comparison/words.ts";
export * from "./cost.ts";
