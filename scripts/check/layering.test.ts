import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { layeringProblems } from "./layering.ts";

const trees: string[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true });
});

const manifest = JSON.stringify({ dependencies: { zod: "1", "@scope/name": "1" }, devDependencies: { vitest: "1" } });

/** Problems of a tree of files given as path → text. */
function check(files: Record<string, string>): string[] {
  const base = mkdtempSync(join(tmpdir(), "seqlab-layering-"));
  trees.push(base);
  for (const [path, text] of Object.entries({ "package.json": manifest, ...files })) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), text);
  }
  return layeringProblems(base);
}

test("imports from folders above, from the own folder, from packages and of the error class are allowed", () => {
  const problems = check({
    "src/tensor/error.ts": "export const a = 1;",
    "src/tensor/index.ts": 'export * from "./error.ts";',
    "src/grad/rules.ts":
      'import { a } from "../tensor/error.ts"; import { b } from "../tensor/index.ts"; import z from "zod";',
    "src/blocks/mixers/attention.ts": 'import { c } from "../define.ts"; import { d } from "../../ops/index.ts";',
    "src/blocks/mixers/attention.test.ts": 'import { e } from "../../testing/mixer-suite.ts";',
    "src/testing/suite.ts": 'import { test } from "vitest"; import * as n from "@scope/name/part"; import "node:fs";',
    "src/engine/node.ts": 'new Worker(new URL("../engine/worker.ts", import.meta.url));',
    "src/index.ts": 'export * from "./cli/index.ts";',
    "web/page.ts": 'import { f } from "seqlab"; import { g } from "./view.ts";',
    "bench/main.ts": 'import { h } from "../src/train/index.ts"; import { i } from "../scripts/x.ts";',
  });
  expect(problems).toEqual([]);
});

test.each([
  ["src/tensor/a.ts", "../grad/index.ts", "src/grad comes after src/tensor"],
  ["src/data/a.ts", "../blocks/mixers/attention.ts", "use src/blocks/index.ts"],
  ["src/data/a.ts", "../tensor/dtype.ts", "use src/tensor/index.ts"],
  ["src/data/a.ts", "../index.ts", "src/index.ts is not below src/data"],
  ["src/data/a.ts", "../../scripts/rows.ts", "it lies outside src/"],
  ["src/data/a.ts", "../extra/index.ts", "src/extra is not below src/data"],
  ["src/extra/a.ts", "../data/index.ts", "src/extra is not in the order of folders"],
  ["src/data/a.ts", "vitest", "it is not under dependencies"],
  ["src/data/a.ts", "@scope/other", "it is not under dependencies"],
  ["src/data/a.ts", "seqlab/tensor", "src/ refers to itself by relative paths"],
  ["src/index.ts", "./data/a.ts", "use src/data/index.ts"],
  ["web/page.ts", "../src/index.ts", "web/ uses the public entry points"],
  ["scripts/a.ts", "../src/data/a.ts", "use src/data/index.ts"],
  ["evidence/protocols/a.ts", "../../src/data/a.ts", "use src/data/index.ts"],
])("%s may not import %s", (path, specifier, reason) => {
  const forms = [
    `import type { A } from "${specifier}";`,
    `export * from "${specifier}";`,
    `await import("${specifier}");`,
  ];
  for (const form of forms) {
    const problems = check({ [path]: `\n${form}` });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${path}:2: imports "${specifier}": ${reason}`);
  }
});

test("a file that does not parse is a problem, not a pass", () => {
  expect(check({ "src/tensor/a.ts": "const = 1;" })).toHaveLength(1);
});
