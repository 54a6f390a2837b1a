/** Agreement with values computed by public implementations. */
export type { Absent, Computed, GoldenAdapter, GoldenGraph } from "./adapter.ts";
export { discoverCases, goldensFolder, goldensMissing } from "./discover.ts";
export { GoldenCase } from "./golden-case.ts";
export { loadAdapters } from "./registry.ts";
export { type GoldenResult, runCase } from "./run-case.ts";
