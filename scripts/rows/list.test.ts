import { expect, test } from "vitest";
import { parseRows, readRows } from "./list.ts";

test("the committed list has 580 rows in 36 groups, 162 of them core", () => {
  const rows = readRows();
  expect(rows).toHaveLength(580);
  expect(new Set(rows.map((row) => row.group)).size).toBe(36);
  expect(rows.filter((row) => row.priority === "A")).toHaveLength(162);
});

test("rows belong to the group above them", () => {
  expect(parseRows("# note\n\nT01 One\n  a-b A\nT02 Two\n  c B\n")).toEqual([
    { id: "a-b", group: "T01 One", priority: "A" },
    { id: "c", group: "T02 Two", priority: "B" },
  ]);
});

test.each(["  a A", "T01 One\n  a D", "T01 One\n  a A\n  a B", "T01 One\na A"])("%j is refused", (text) => {
  expect(() => parseRows(text)).toThrow(/rows.txt:\d: .*E_ROWS_LIST/);
});
