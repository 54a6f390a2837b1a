import { outputLines, tool } from "../source/command.ts";
import type { Step } from "./step.ts";

/** A step that passes when an installed tool exits with 0, and otherwise shows all that it printed. */
const toolStep = (name: string, script: string, args: readonly string[]): Step => ({
  name,
  async find() {
    const result = await tool(script, args);
    return { problems: result.status === 0 ? [] : [`${script} failed`, ...outputLines(result)] };
  },
});

export const types = toolStep("types", "typescript/bin/tsc", ["--noEmit", "-p", "."]);
export const lint = toolStep("lint", "@biomejs/biome/bin/biome", [
  "check",
  "--error-on-warnings",
  "--diagnostic-level=warn",
  "--max-diagnostics=none",
  "--reporter=concise",
]);
export const deadCode = toolStep("dead-code", "knip/bin/knip.js", ["--no-progress"]);
