/** Results as pages and tables. */
export { renderComparison } from "./page.ts";
export { comparisonTable } from "./terminal-table.ts";
export * from "./format.ts";
