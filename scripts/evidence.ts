/**
 * `npm run evidence [-- NAME…]`: runs protocols of `evidence/protocols/` and studies of `studies/`: those named, else those whose
 * evidence is missing or stale (protocols: of other code; studies: of another protocol).
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { shippedStudies } from "../src/analysis/index.ts";
import { holdsText, verdictText } from "../src/report/index.ts";
import { fail } from "../src/tensor/error.ts";
import type { Protocol } from "./evidence/protocol.ts";
import { runProtocol } from "./evidence/run.ts";
import { runStudyEvidence, staleStudies } from "./evidence/studies.ts";
import { CodeHashes } from "./rows/code-hash.ts";
import { findFiles, root } from "./source/files.ts";

const report = (line: string): void => console.error(line);
const files = findFiles(root, ["evidence/protocols/*.ts"]);
const names = process.argv.slice(2);
const known = [...files.map((file) => basename(file, ".ts")), ...shippedStudies()];
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  report(
    `evidence: expected ${known.join(", ") || "no name, there are no protocols"}, got ${unknown.join(", ")}. [E_EVIDENCE_NAME]`,
  );
  process.exit(2);
}

const hashes = new CodeHashes();
const chosen = files.filter((file) => (names.length === 0 ? isStale(file) : names.includes(basename(file, ".ts"))));
const studies = names.length === 0 ? staleStudies() : shippedStudies().filter((name) => names.includes(name));
const runs = await Promise.all(chosen.map(async (file) => ({ file, protocol: await load(file) })));
const minutes = runs.reduce((sum, { protocol }) => sum + protocol.minutes, 0);
report(`protocols: ${runs.length}, minutes: about ${minutes}; studies: ${studies.join(", ") || "none"}`);
for (const run of runs) {
  const refuted = await runProtocol(run, report).catch((error: unknown) => [String(error)]);
  if (refuted.length > 0) process.exitCode = 1;
  console.log(`${refuted.length === 0 ? "shown    " : "NOT SHOWN"} ${run.protocol.name}`);
  for (const line of refuted) console.log(`          ${line}`);
}

for (const name of studies) {
  const { verdicts } = await runStudyEvidence(name, report);
  console.log(`measured  ${name}`);
  for (const verdict of verdicts) console.log(`          ${holdsText[verdict.holds]}: ${verdictText(verdict)}`);
}

/** Whether a protocol's evidence is missing or was made by other code. */
function isStale(file: string): boolean {
  const evidence = join(root, `evidence/${basename(file, ".ts")}.json`);
  if (!existsSync(evidence)) return true;
  const stored = JSON.parse(readFileSync(evidence, "utf8")) as { protocol?: { code?: string } };
  return stored.protocol?.code !== hashes.of(file);
}

async function load(file: string): Promise<Protocol> {
  const { protocol } = (await import(join(root, file))) as { protocol?: Protocol };
  const name = basename(file, ".ts");
  if (protocol?.name === name) return protocol;
  const got = protocol === undefined ? "none" : `"${protocol.name}"`;
  fail({ code: "E_EVIDENCE_NAME", where: file, expected: `an export \`protocol\` named "${name}"`, got });
}
