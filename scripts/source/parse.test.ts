import { expect, test } from "vitest";
import { functionSizes, parseSource, references, texts } from "./parse.ts";

const text = `import type { A } from "./a.ts";
import "./b.ts";
export * from "./c.ts";
export { d } from "./d.ts";
const e = await import(\`./e.ts\`);
type F = import("./f.ts").F;
const worker = new URL("./g.ts", import.meta.url);
const page = new URL("./not-a-file", location);
// import "./comment.ts"
const quoted = 'import "./quoted.ts"';
export function two(n: number): string {
  return \`(row) \${n} \${quoted}\`;
}
`;
const source = parseSource("sample.ts", text);

test("references are read from syntax, types, re-exports and worker urls included", () => {
  const found = references(source).map(({ specifier, form, line }) => `${line} ${form} ${specifier}`);
  expect(found.sort()).toEqual([
    "1 import ./a.ts",
    "2 import ./b.ts",
    "3 import ./c.ts",
    "4 import ./d.ts",
    "5 import ./e.ts",
    "6 import ./f.ts",
    "7 url ./g.ts",
  ]);
});

test("texts holds literals and the beginnings of templates", () => {
  const found = texts(source);
  expect(found).toContainEqual({ value: 'import "./quoted.ts"', line: 10 });
  expect(found).toContainEqual({ value: "(row) ", line: 12 });
});

test("a function's size counts its first and last line", () => {
  expect(functionSizes(source)).toEqual([{ line: 11, lines: 3 }]);
});

test("syntax errors are told, not thrown", () => {
  expect(parseSource("broken.ts", "const = 3;").errors).not.toEqual([]);
});
