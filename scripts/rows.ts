/** `npm run rows [-- --json]`: which rows are done, stale and missing. See CONTRIBUTING.md for how a row becomes done. */
import type { Row } from "./rows/list.ts";
import { type RowState, rowStates } from "./rows/status.ts";

const states = rowStates();
const ids = (wanted: RowState, rows: readonly Row[] = [...states.keys()]): string[] =>
  rows.filter((row) => states.get(row) === wanted).map((row) => row.id);

if (process.argv.includes("--json")) {
  const lists = { done: ids("done").sort(), stale: ids("stale").sort(), missing: ids("missing").sort() };
  console.log(JSON.stringify({ total: states.size, ...lists }));
} else {
  for (const state of ["missing", "stale", "done"] as const) console.log(`${state}\n${wrap(ids(state))}\n`);
  console.log("done stale missing total  group");
  for (const [group, rows] of Map.groupBy(states.keys(), (row) => row.group)) console.log(counts(group, rows));
  console.log(counts("all", [...states.keys()]));
}

function counts(name: string, rows: readonly Row[]): string {
  const cell = (count: number, width: number): string => String(count).padStart(width);
  const { length: total } = rows;
  const [done, stale, missing] = [ids("done", rows), ids("stale", rows), ids("missing", rows)];
  return `${cell(done.length, 4)} ${cell(stale.length, 5)} ${cell(missing.length, 7)} ${cell(total, 5)}  ${name}`;
}

/** Words in lines of at most 118 characters, indented by two. */
function wrap(words: readonly string[]): string {
  return (words.join(" ").match(/.{1,118}(?: |$)/g) ?? ["none"]).map((line) => `  ${line.trimEnd()}`).join("\n");
}
