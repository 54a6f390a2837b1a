/** `npm run evidence [-- NAME…]`: runs the protocols of `evidence/protocols/`, all of them when none is named. */
import { basename, join } from "node:path";
import { fail } from "../src/tensor/error.ts";
import type { Protocol } from "./evidence/protocol.ts";
import { runProtocol } from "./evidence/run.ts";
import { findFiles, root } from "./source/files.ts";

const report = (line: string): void => console.error(line);
const files = findFiles(root, ["evidence/protocols/*.ts"]);
const names = process.argv.slice(2);
const known = files.map((file) => basename(file, ".ts"));
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  report(
    `evidence: expected ${known.join(", ") || "no name, there are no protocols"}, got ${unknown.join(", ")}. [E_EVIDENCE_NAME]`,
  );
  process.exit(2);
}

const chosen = files.filter((file) => names.length === 0 || names.includes(basename(file, ".ts")));
const runs = await Promise.all(chosen.map(async (file) => ({ file, protocol: await load(file) })));
const minutes = runs.reduce((sum, { protocol }) => sum + protocol.minutes, 0);
report(`protocols: ${runs.length}, minutes: about ${minutes}`);
for (const run of runs) {
  const refuted = await runProtocol(run, report).catch((error: unknown) => [String(error)]);
  if (refuted.length > 0) process.exitCode = 1;
  console.log(`${refuted.length === 0 ? "shown    " : "NOT SHOWN"} ${run.protocol.name}`);
  for (const line of refuted) console.log(`          ${line}`);
}

async function load(file: string): Promise<Protocol> {
  const { protocol } = (await import(join(root, file))) as { protocol?: Protocol };
  const name = basename(file, ".ts");
  if (protocol?.name === name) return protocol;
  const got = protocol === undefined ? "none" : `"${protocol.name}"`;
  fail({ code: "E_EVIDENCE_NAME", where: file, expected: `an export \`protocol\` named "${name}"`, got });
}
