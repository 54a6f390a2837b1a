/** Results as pages and tables. */

export * from "./format.ts";
export type { TrainingHistory } from "./inspect/history.ts";
export { type InspectedRun, renderInspection } from "./inspect/page.ts";
export { renderComparison } from "./page.ts";
export { type ProfiledModel, renderProfile, taskText } from "./profile/page.ts";
export * from "./study/index.ts";
export { comparisonTable } from "./terminal-table.ts";
