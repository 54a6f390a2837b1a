/**
 * `npm run goldens [-- --kind K] [--component C] [--json]`: every golden case against the reference engine: agreed,
 * disagreed or absent (what does not exist here yet). Exit status 1 where one disagrees or there are no cases.
 */
import { parseArgs } from "node:util";
import { runGoldens } from "./goldens/run.ts";
import { goldensTable } from "./goldens/table.ts";

const { values } = parseArgs({
  options: { kind: { type: "string" }, component: { type: "string" }, json: { type: "boolean" } },
});
const results = await runGoldens({ kind: values.kind, component: values.component });
console.log(values.json ? JSON.stringify(results) : goldensTable(results));
if (results.length === 0 || results.some(({ status }) => status === "disagreed")) process.exitCode = 1;
