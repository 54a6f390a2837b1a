import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fail } from "../../src/tensor/error.ts";
import { CodeHashes } from "../rows/code-hash.ts";
import { mergeRecords, readRecords, writeRecords } from "../rows/records.ts";
import { root } from "../source/files.ts";
import type { EvidenceResult, Protocol } from "./protocol.ts";

export interface EvidenceRun {
  /** The protocol's file, relative to `base`. */
  file: string;
  protocol: Protocol;
  /** Folder that holds `evidence/`. */
  base?: string;
}

/**
 * Runs one protocol, writes `evidence/<name>.json` and marks its rows. Returns the claims that do not hold; throws what
 * the protocol throws and E_EVIDENCE_CLAIMS when a row is left without a claim. Either way rows not shown lose their mark.
 */
export async function runProtocol(
  { file, protocol, base = root }: EvidenceRun,
  report: (line: string) => void,
): Promise<string[]> {
  const hash = new CodeHashes(base).of(file);
  const date = new Date().toISOString().slice(0, 10);
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  const shown = new Set<string>();
  try {
    const result = await protocol.run((line) =>
      report(`${protocol.name}: ${clock(elapsed())} of about ${protocol.minutes} min: ${line}`),
    );
    assertClaims(protocol, result);
    const seconds = Math.round(elapsed());
    const content = {
      name: protocol.name,
      rows: protocol.rows,
      protocol: { date, seconds, seeds: result.seeds, ...setting(), code: hash },
    };
    writeFileSync(
      join(base, `evidence/${protocol.name}.json`),
      `${JSON.stringify({ ...content, claims: result.claims, figures: result.figures }, null, 2)}\n`,
    );
    for (const row of protocol.rows) if (holds(row, result)) shown.add(row);
    return result.claims.filter((claim) => !claim.holds).map(({ row, text }) => `[${row}] ${text}`);
  } finally {
    const outcomes = protocol.rows.map((row) => outcome(row, shown.has(row), elapsed()));
    writeRecords(mergeRecords(readRecords(base), { by: file, hash, date, outcomes }), base);
  }
}

const holds = (row: string, { claims }: EvidenceResult): boolean =>
  claims.every((claim) => claim.row !== row || claim.holds);

const outcome = (row: string, passed: boolean, seconds: number) => ({
  row,
  passed: Number(passed),
  failed: Number(!passed),
  skipped: 0,
  seconds,
});

function assertClaims({ name, rows }: Protocol, { claims }: EvidenceResult): void {
  const claimed = new Set(claims.map(({ row }) => row));
  const odd = [...rows.filter((row) => !claimed.has(row)), ...[...claimed].filter((row) => !rows.includes(row))];
  if (odd.length === 0) return;
  const expected = "claims for exactly the protocol's rows";
  fail({ code: "E_EVIDENCE_CLAIMS", where: `evidence ${name}`, expected, got: `a difference in ${odd.join(", ")}` });
}

/** Versions and kind of machine. */
function setting() {
  const require = createRequire(import.meta.url);
  const version = (name: string): string => (require(name) as { version: string }).version;
  return {
    versions: {
      seqlab: version("../../package.json"),
      node: process.versions.node,
      onnxruntime: version("onnxruntime-node/package.json"),
    },
    machine: {
      platform: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
  };
}

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
