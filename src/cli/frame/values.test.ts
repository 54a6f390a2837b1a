import { describe, expect, test } from "vitest";
import { hasColour } from "./colour.ts";
import { commandLine, programCall, shellWord } from "./shell.ts";
import { renderTable } from "./table.ts";
import { numberIn, wholeNumber } from "./values.ts";

describe("numbers", () => {
  test.each([
    ["500", 500],
    ["64k", 64_000],
    ["1.5M", 1_500_000],
    ["2e3", 2000],
    ["0.001k", 1],
    ["1.001k", 1001],
  ] as const)("%s is %d", (text, value) => {
    expect(wholeNumber("steps", text)).toBe(value);
  });

  test.each(["", " ", "-1", "0", "1.5", "1k5", "0x10", "1e400", "∞", "NaN", "1,000", "9e20"])(
    '"%s" is no whole number from 1',
    (text) => {
      expect(() => wholeNumber("steps", text)).toThrow(
        /^--steps: expected a whole number from 1, got ".*"\. \[E_OPTION\]$/,
      );
    },
  );

  test("ranges hold, ends included and `above` not", () => {
    expect(numberIn("x", "-2.5e-3")).toBe(-0.0025);
    expect(numberIn("x", "1", { above: 0, most: 1 })).toBe(1);
    expect(() => numberIn("x", "0", { above: 0, most: 1 })).toThrow(/a number above 0 to 1, got "0"/);
    expect(() => numberIn("x", "1.01", { least: 0, most: 1 })).toThrow(/a number from 0 to 1/);
    expect(() => numberIn("x", "Infinity")).toThrow(/a number/);
    expect(() => numberIn("x", "")).toThrow(/a number/);
    expect(() => wholeNumber("seed", "4294967296", { least: 0, most: 2 ** 32 - 1 })).toThrow(/from 0 to 4294967295/);
  });
});

test("words come back from a shell as they were", () => {
  expect(["a/b.json", "params=0.5M", "two words", "it's", ""].map(shellWord)).toEqual([
    "a/b.json",
    "params=0.5M",
    "'two words'",
    "'it'\\''s'",
    "''",
  ]);
  expect(programCall("/x/dist/cli/main.js")).toBe("seqlab");
  expect(programCall("/x/src/cli/main.ts")).toBe("npm run seqlab --");
  expect(commandLine(["runs", "--runs", "a b"])).toMatch(/ runs --runs 'a b'$/);
});

test("tables align, numbers to the right, without trailing spaces", () => {
  const columns = [
    { head: "name", align: "left" },
    { head: "n", align: "right" },
    { head: "note", align: "left" },
  ] as const;
  expect(
    renderTable(columns, [
      ["a", "10", "x"],
      ["longer", "5"],
    ]),
  ).toBe("name     n  note\na       10  x\nlonger   5\n");
});

test("colours are for terminals that want them", () => {
  expect(hasColour({ isTTY: true }, {})).toBe(true);
  expect(hasColour({ isTTY: false }, {})).toBe(false);
  expect(hasColour({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
  expect(hasColour({ isTTY: true }, { TERM: "dumb" })).toBe(false);
});
