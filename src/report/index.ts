/** Results as pages and tables. */

export * from "./format.ts";
export { renderComparison } from "./page.ts";
export { comparisonTable } from "./terminal-table.ts";
