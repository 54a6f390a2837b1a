import type { Reporter, TestCase, TestModule, Vitest } from "vitest/node";
import { CodeHashes } from "./code-hash.ts";
import { readRows } from "./list.ts";
import { rowOfName } from "./mentions.ts";
import { mergeRecords, type RowOutcome, readRecords, writeRecords } from "./records.ts";

/**
 * Vitest reporter that writes what rows passed to `evidence/rows.json`. Configured only with `SEQLAB_ROWS=write`, so
 * that running the tests changes nothing else. A test belongs to the row at the beginning of its name, or of a
 * `describe` around it.
 */
export default class RowsReporter implements Reporter {
  readonly #hashAtStart = new Map<string, string>();
  #base = "";
  #hashes = new CodeHashes();

  onInit({ config }: Vitest): void {
    this.#base = config.root;
  }

  onTestRunStart(): void {
    this.#hashes = new CodeHashes(this.#base);
  }

  /** Taken before the tests run: what is edited meanwhile is not what passed. */
  onTestModuleStart(module: TestModule): void {
    this.#hashAtStart.set(module.id, this.#hashes.of(module.relativeModuleId));
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const known = new Set(readRows().map((row) => row.id));
    const date = new Date().toISOString().slice(0, 10);
    let records = readRecords(this.#base);
    for (const module of modules) {
      const hash = this.#hashAtStart.get(module.id);
      if (hash === undefined || module.errors().length > 0) continue;
      const all = rowOutcomes(module);
      for (const { row } of all.filter((outcome) => !known.has(outcome.row))) refuse(module, row);
      const outcomes = all.filter(({ row }) => known.has(row));
      records = mergeRecords(records, { by: module.relativeModuleId, hash, date, outcomes });
    }
    writeRecords(records, this.#base);
  }
}

function rowOutcomes(module: TestModule): RowOutcome[] {
  const outcomes = new Map<string, RowOutcome>();
  for (const test of module.children.allTests()) {
    for (const row of rowsOfTest(test)) {
      const outcome = outcomes.get(row) ?? { row, passed: 0, failed: 0, skipped: 0, seconds: 0 };
      const { state } = test.result();
      outcome[state === "pending" ? "skipped" : state] += 1;
      outcome.seconds += (test.diagnostic()?.duration ?? 0) / 1000;
      outcomes.set(row, outcome);
    }
  }
  return [...outcomes.values()];
}

function rowsOfTest(test: TestCase): Set<string> {
  const names = [test.name];
  for (let parent = test.parent; parent.type === "suite"; parent = parent.parent) names.push(parent.name);
  return new Set(names.map(rowOfName).filter((row) => row !== undefined));
}

function refuse(module: TestModule, row: string): void {
  console.error(`${module.relativeModuleId}: [${row}] is not a row of scripts/rows/rows.txt`);
  process.exitCode = 1;
}
