/** Studies as evidence: `evidence/studies/NAME.json` holds the protocol, the cells and the hash of the code. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type FinishedCell,
  judgedResult,
  loadStudy,
  protocolHash,
  resultOf,
  reviveNumbers,
  runStudy,
  type StudyResult,
  shippedStudies,
} from "../../src/analysis/index.ts";
import { CodeHashes } from "../rows/code-hash.ts";
import { root } from "../source/files.ts";

const fileOf = (name: string): string => join(root, "evidence/studies", `${name}.json`);
/** Finished cells of interrupted runs. */
const workplace = join(root, "runs/studies");
const code = "src/analysis/study/run-cell.ts";

interface StoredStudy {
  name: string;
  /** Of the code that ran the cells. */
  code: string;
  protocol: StudyResult["protocol"];
  cells: readonly FinishedCell[];
}

/** What was found with the study's protocol as it is now; undefined where nothing was, or with another protocol. */
export function studyEvidence(name: string): StudyResult | undefined {
  if (!existsSync(fileOf(name))) return undefined;
  const study = loadStudy(name);
  const { protocol, cells } = JSON.parse(readFileSync(fileOf(name), "utf8"), reviveNumbers) as StoredStudy;
  return protocol.hash === protocolHash(study) ? judgedResult(study, cells, protocol) : undefined;
}

/** Shipped studies without evidence for their protocol. */
export const staleStudies = (): string[] => shippedStudies().filter((name) => studyEvidence(name) === undefined);

/** Runs a study's shipped protocol, going on from finished cells, and writes its evidence. */
export async function runStudyEvidence(name: string, report: (line: string) => void): Promise<StudyResult> {
  const study = loadStudy(name);
  const cells = await runStudy(study, {
    ...{ folder: workplace, threads: 1, workers: 1 },
    onEvent: (event) => {
      if (event.kind !== "end") return;
      const { levels, seed } = event.cell;
      report(`${name}: ${event.done} of ${event.cells}: ${Object.values(levels).join(", ")}, seed ${seed}`);
    },
  });
  const result = resultOf(study, cells, { threads: 1 });
  const stored: StoredStudy = { name, code: new CodeHashes().of(code), protocol: result.protocol, cells };
  mkdirSync(join(root, "evidence/studies"), { recursive: true });
  writeFileSync(fileOf(name), `${JSON.stringify(stored, sevenDigits)}\n`);
  return result;
}

const sevenDigits = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(7)) : value;
