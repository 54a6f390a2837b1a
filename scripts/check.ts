/**
 * `npm run check [-- STEP…]`: everything that must hold in the checkout beside the tests. One line a step, a summary,
 * and exit status 1 if anything failed.
 */
import { generated } from "./check/generated.ts";
import { layering } from "./check/layering.ts";
import { machineNames } from "./check/machine-names.ts";
import { packageExports } from "./check/package.ts";
import { rowNames } from "./check/row-names.ts";
import { sizes } from "./check/sizes.ts";
import { runStep, type Step } from "./check/step.ts";
import { deadCode, lint, types } from "./check/tools.ts";

const steps: readonly Step[] = [
  types,
  lint,
  generated,
  layering,
  sizes,
  deadCode,
  packageExports,
  machineNames,
  rowNames,
];

const chosen = chooseSteps(process.argv.slice(2));
const start = performance.now();
let failed = 0;
for (const step of chosen) {
  const { problems, note, seconds } = await runStep(step);
  if (problems.length > 0) failed += 1;
  console.log(`${problems.length > 0 ? "FAIL" : "ok  "}  ${step.name.padEnd(14)} ${seconds.toFixed(1)} s`);
  for (const line of [...(note?.split("\n") ?? []), ...problems]) console.log(`      ${line}`);
}
const seconds = (performance.now() - start) / 1000;
console.log(`${chosen.length - failed} of ${chosen.length} checks passed, ${failed} failed, ${seconds.toFixed(1)} s`);
process.exitCode = failed > 0 ? 1 : 0;

/** The steps named on the command line, all of them when none is. */
function chooseSteps(names: readonly string[]): readonly Step[] {
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(
      `check: expected ${steps.map((step) => step.name).join(", ")}, got ${unknown.join(", ")}. [E_CHECK_STEP]`,
    );
    process.exit(2);
  }
  return names.length === 0 ? steps : steps.filter((step) => names.includes(step.name));
}
