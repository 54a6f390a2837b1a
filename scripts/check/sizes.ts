import { projectFiles, readText, root } from "../source/files.ts";
import { functionSizes, parseSource } from "../source/parse.ts";
import type { Finding, Step } from "./step.ts";

const maxFileLines = 350;
const longFunctionLines = 40;
const handWritten = /\.(ts|tsx|js|mjs|css|html|sh)$/;

export const sizes: Step = { name: "sizes", find: () => measure(projectFiles()) };

function measure(paths: readonly string[]): Finding {
  const files = paths.filter((path) => handWritten.test(path) && !path.includes("/generated/")).map(measureFile);
  const functions = files.flatMap((file) => file.functions);
  const long = functions.filter(({ lines }) => lines > longFunctionLines).sort((a, b) => b.lines - a.lines);
  return {
    problems: files
      .filter(({ lines }) => lines > maxFileLines)
      .map(({ path, lines }) => `${path}: ${lines} lines, at most ${maxFileLines}`),
    note: [
      `${describe("file", files)}; ${describe("function", functions)}`,
      ...long.map(({ where, lines }) => `${where}: a function of ${lines} lines`),
    ].join("\n"),
  };
}

/** Functions of tests are left out: a `describe` is a list, not a function. */
function measureFile(path: string) {
  const text = readText(root, path);
  const isCode = /\.(ts|tsx|js|mjs)$/.test(path) && !path.endsWith(".test.ts");
  const functions = isCode ? functionSizes(parseSource(path, text)) : [];
  return {
    path,
    lines: text.split("\n").length - 1,
    functions: functions.map(({ line, lines }) => ({ where: `${path}:${line}`, lines })),
  };
}

function describe(name: string, sized: readonly { lines: number }[]): string {
  const lines = sized.map((one) => one.lines).sort((a, b) => a - b);
  const quantile = (share: number): number => lines[Math.ceil(share * lines.length) - 1] ?? 0;
  return `${lines.length} ${name}s, lines median ${quantile(0.5)}, 90 % ${quantile(0.9)}, most ${lines.at(-1) ?? 0}`;
}
