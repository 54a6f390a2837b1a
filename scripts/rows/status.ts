import { findFiles, root } from "../source/files.ts";
import { CodeHashes } from "./code-hash.ts";
import { type Row, readRows } from "./list.ts";
import { rowMentions, testFiles } from "./mentions.ts";
import { type RowRecord, readRecords } from "./records.ts";

export type RowState = "done" | "stale" | "missing";

/** The state of every row of the list, now. */
export function rowStates(): Map<Row, RowState> {
  const files = findFiles(root, testFiles);
  const hashes = new CodeHashes();
  const named = Map.groupBy(files.flatMap(rowMentions), ({ row }) => row);
  const recorded = Map.groupBy(readRecords(), ({ row }) => row);
  const current = new Map(files.map((file) => [file, hashes.of(file)]));
  return new Map(
    readRows().map((row) => {
      const mentions = new Set(named.get(row.id)?.map(({ path }) => path));
      return [row, stateOf(recorded.get(row.id) ?? [], mentions, current)];
    }),
  );
}

/**
 * Done: every file that names the row, and every file that has proved it and still exists, passed with its code of now.
 * Stale: some file once passed, but the code has changed or another file that names the row has not passed.
 */
export function stateOf(
  records: readonly RowRecord[],
  mentions: ReadonlySet<string>,
  current: ReadonlyMap<string, string>,
): RowState {
  const proofs = records.filter(({ by }) => current.has(by));
  if (proofs.length === 0) return "missing";
  const passing = new Set(proofs.filter(({ by, hash }) => current.get(by) === hash).map(({ by }) => by));
  const needed = [...mentions, ...proofs.map(({ by }) => by)];
  return needed.every((file) => passing.has(file)) ? "done" : "stale";
}
