/** Evaluations: what a result is worth. */
export * from "./metrics/index.ts";
