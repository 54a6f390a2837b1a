import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CommandResult, tool } from "../source/command.ts";
import { root } from "../source/files.ts";
import { CodeHashes } from "./code-hash.ts";
import { readRecords } from "./records.ts";

const base = mkdtempSync(join(tmpdir(), "seqlab-rows-"));
const tests = `
  import { describe, expect, it } from "vitest";
  import { two } from "../two.ts";
  it("[mha] holds", () => expect(two).toBe(2));
  it("[mha] holds again", () => expect(two).toBe(2));
  it("[causal-mask] fails", () => expect(two).toBe(3));
  it.skip("[padding-mask] waits", () => expect(two).toBe(2));
  describe("[ffn-relu] layer", () => it.each([1, 2])("holds at %d", () => expect(two).toBe(2)));
  it("[1, 2] is a list", () => expect(two).toBe(2));
`;

beforeAll(() => {
  symlinkSync(join(root, "node_modules"), join(base, "node_modules"));
  mkdirSync(join(base, "src"));
  writeFileSync(join(base, "two.ts"), 'export { two } from "./three.ts";');
  writeFileSync(join(base, "three.ts"), "export const two = 2;");
  writeFileSync(join(base, "src/a.test.ts"), tests);
});
afterAll(() => rmSync(base, { recursive: true }));

function runTests(...args: string[]): Promise<CommandResult> {
  const reporter = join(root, "scripts/rows/reporter.ts");
  return tool("vitest/vitest.mjs", ["run", "--root", base, "--reporter", reporter, ...args], { cwd: base });
}

test("rows that passed are written with the hash of test and imports, others are not", async () => {
  const { status } = await runTests();
  expect(status).toBe(1);
  const records = readRecords(base);
  expect(records.map(({ row, by }) => `${row} ${by}`)).toEqual(["ffn-relu src/a.test.ts", "mha src/a.test.ts"]);
  expect(new Set(records.map(({ hash }) => hash))).toEqual(new Set([new CodeHashes(base).of("src/a.test.ts")]));
  expect(records[0]?.date).toMatch(/^\d{4}-\d\d-\d\d$/);
});

test("the hash changes with code reached through other files, and only with it", () => {
  const before = new CodeHashes(base).of("src/a.test.ts");
  expect(new CodeHashes(base).reach("src/a.test.ts")).toEqual(["src/a.test.ts", "three.ts", "two.ts"]);
  writeFileSync(join(base, "four.ts"), "export const four = 4;");
  expect(new CodeHashes(base).of("src/a.test.ts")).toBe(before);
  writeFileSync(join(base, "three.ts"), "export const two = 1 + 1;");
  expect(new CodeHashes(base).of("src/a.test.ts")).not.toBe(before);
});

test("a run of some tests renews nothing that it skipped", async () => {
  const before = readRecords(base);
  await runTests("--testNamePattern", "holds again");
  expect(readRecords(base)).toEqual(before);
});

test("a row that is not in the list fails the run", async () => {
  writeFileSync(join(base, "src/a.test.ts"), tests.replace("causal-mask", "no-such-row").replace("toBe(3)", "toBe(2)"));
  const { status, stderr } = await runTests();
  expect(status).toBe(1);
  expect(stderr).toContain("src/a.test.ts: [no-such-row] is not a row");
});
