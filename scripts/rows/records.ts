import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readText, root } from "../source/files.ts";

/** One row proved by one file: all its tests there passed on this code. */
export interface RowRecord {
  row: string;
  /** The test file or protocol, relative to the checkout. */
  by: string;
  /** SHA-256 of the code it rests on. */
  hash: string;
  /** Day on which this code first passed, UTC. */
  date: string;
  seconds: number;
}

/** How the tests of one row in one file ended. */
export interface RowOutcome {
  row: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
}

const file = "evidence/rows.json";

export const readRecords = (base = root): RowRecord[] =>
  existsSync(join(base, file)) ? (JSON.parse(readText(base, file)) as RowRecord[]) : [];

/** Writes whole or not at all; one record a line. */
export function writeRecords(records: readonly RowRecord[], base = root): void {
  const path = join(base, file);
  const lines = records.map((record) => `  ${JSON.stringify(record)}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, `[\n${lines.join(",\n")}\n]\n`);
  renameSync(`${path}.part`, path);
}

/**
 * Records after a run of one file. A row that failed or is named there no longer loses its record; one that was partly
 * skipped keeps what it had; one that passed on unchanged code keeps its date. Sorted by row, then file.
 */
export function mergeRecords(
  records: readonly RowRecord[],
  run: { by: string; hash: string; date: string; outcomes: readonly RowOutcome[] },
): RowRecord[] {
  const { by, hash, date, outcomes } = run;
  const own = new Map(records.filter((record) => record.by === by).map((record) => [record.row, record]));
  const renewed = outcomes.flatMap(({ row, passed, failed, skipped, seconds }) => {
    const old = own.get(row);
    if (failed > 0) return [];
    if (skipped > 0 || passed === 0 || old?.hash === hash) return old ?? [];
    return [{ row, by, hash, date, seconds: Number(seconds.toFixed(3)) }];
  });
  return [...records.filter((record) => record.by !== by), ...renewed].sort((a, b) => order(a, b));
}

const order = (a: RowRecord, b: RowRecord): number => compare(a.row, b.row) || compare(a.by, b.by);
const compare = (a: string, b: string): number => Number(a > b) - Number(a < b);
