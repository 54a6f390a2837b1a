/**
 * `metrics.jsonl`: one record a line. A process killed while appending may leave an unfinished last line; readers ignore it.
 * JSON has no NaN or infinities, which metrics of a diverged run are: they are written as the strings "NaN", "Infinity",
 * "-Infinity", and read back as numbers.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../tensor/error.ts";
import type { Json } from "./canonical-json.ts";
import { onDisk, replaceDurably } from "./disk.ts";
import type { Run } from "./runs.ts";

/** `step` is the number of training steps done when it was measured. */
export type MetricsRecord = { readonly step: number } & { readonly [key: string]: Json };

const metricsPath = (run: Run): string => join(run.path, "metrics.jsonl");

/** Appends records in one write. Throws `E_METRICS_STEP` or a disk error. */
export function appendMetrics(run: Run, ...records: MetricsRecord[]): void {
  for (const { step } of records) {
    if (!Number.isSafeInteger(step) || step < 0) {
      fail({ code: "E_METRICS_STEP", where: "metrics.step", expected: "a whole number from 0", got: String(step) });
    }
  }
  const path = metricsPath(run);
  const lines = records.map(encodeRecord).join("");
  onDisk(path, "Earlier records and all saved checkpoints are kept.", () => appendFileSync(path, lines));
}

/** All whole records in the order written. Throws `E_METRICS_FILE`, naming the line, or a disk error. */
export function readMetrics(run: Run): MetricsRecord[] {
  const path = metricsPath(run);
  const text = onDisk(path, "Checkpoints do not depend on it.", () => readFileSync(path, "utf8"));
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line, i) => decodeRecord(line, `${path}:${i + 1}`));
}

/** Keeps the records up to and including `step`; the file is replaced in one step. */
export function truncateMetrics(run: Run, step: number): void {
  const kept = readMetrics(run).filter((record) => record.step <= step);
  const path = metricsPath(run);
  onDisk(path, "The metrics are as they were.", () => replaceDurably(path, kept.map(encodeRecord).join("")));
}

const encodeRecord = (record: MetricsRecord): string =>
  `${JSON.stringify(record, (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value))}\n`;

const nonFinite = new Map([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((v) => [String(v), v]));

function decodeRecord(line: string, where: string): MetricsRecord {
  let record: unknown;
  try {
    record = JSON.parse(line, (_, value) => nonFinite.get(value) ?? value);
  } catch (cause) {
    fail({ code: "E_METRICS_FILE", where, expected: "a record in JSON", got: line.slice(0, 80), cause });
  }
  if (!isRecord(record))
    fail({ code: "E_METRICS_FILE", where, expected: "a record with a step", got: line.slice(0, 80) });
  return record;
}

const isRecord = (value: unknown): value is MetricsRecord =>
  typeof value === "object" && value !== null && "step" in value && Number.isSafeInteger(value.step);
