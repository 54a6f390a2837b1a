import { expect, test } from "vitest";
import { mergeRecords, type RowRecord } from "./records.ts";
import { stateOf } from "./status.ts";

const old: RowRecord = { row: "sdpa", by: "a.test.ts", hash: "1", date: "2026-01-01", seconds: 1 };
const elsewhere: RowRecord = { ...old, by: "b.test.ts" };
const passed = { row: "sdpa", passed: 2, failed: 0, skipped: 0, seconds: 2.00049 };
const run = { by: "a.test.ts", hash: "2", date: "2026-02-02" };

test("a pass on new code renews the record, one on the same code leaves it", () => {
  const renewed = { row: "sdpa", by: "a.test.ts", hash: "2", date: "2026-02-02", seconds: 2 };
  expect(mergeRecords([old], { ...run, outcomes: [passed] })).toEqual([renewed]);
  expect(mergeRecords([old], { ...run, hash: "1", outcomes: [passed] })).toEqual([old]);
});

test("a failure, or a row no longer named, loses the record of that file only", () => {
  expect(mergeRecords([old, elsewhere], { ...run, outcomes: [{ ...passed, failed: 1 }] })).toEqual([elsewhere]);
  expect(mergeRecords([old, elsewhere], { ...run, outcomes: [] })).toEqual([elsewhere]);
});

test("a row that was partly skipped keeps what it had, and gains nothing", () => {
  const outcomes = [{ ...passed, skipped: 1 }];
  expect(mergeRecords([old], { ...run, outcomes })).toEqual([old]);
  expect(mergeRecords([], { ...run, outcomes })).toEqual([]);
});

test("records are sorted by row, then file", () => {
  const mha = { ...passed, row: "mha" };
  const records = mergeRecords([elsewhere], { ...run, outcomes: [passed, mha] });
  expect(records.map(({ row, by }) => `${row} ${by}`)).toEqual(["mha a.test.ts", "sdpa a.test.ts", "sdpa b.test.ts"]);
});

test.each([
  ["done", [old], ["a.test.ts"], { "a.test.ts": "1" }],
  ["done", [old], [], { "a.test.ts": "1" }],
  ["stale", [old], ["a.test.ts"], { "a.test.ts": "2" }],
  ["stale", [old], ["a.test.ts", "b.test.ts"], { "a.test.ts": "1", "b.test.ts": "1" }],
  ["stale", [old, elsewhere], [], { "a.test.ts": "1", "b.test.ts": "2" }],
  ["done", [old, elsewhere], ["a.test.ts", "b.test.ts"], { "a.test.ts": "1", "b.test.ts": "1" }],
  ["missing", [], ["a.test.ts"], { "a.test.ts": "1" }],
  ["missing", [old], [], { "b.test.ts": "1" }],
] as const)("%s: records %j, named in %j, code %j", (state, records, mentions, current) => {
  expect(stateOf(records, new Set(mentions), new Map(Object.entries(current)))).toBe(state);
});
