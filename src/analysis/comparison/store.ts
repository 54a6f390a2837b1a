import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, type Json } from "../../checkpoints/index.ts";
import type { Job, Outcomes } from "./jobs.ts";

/** Outcomes of finished jobs on disk, by what decides them: an interrupted comparison goes on where it was. */
export interface JobStore {
  find<J extends Job>(job: J): Outcomes[J["kind"]] | undefined;
  keep(job: Job, outcome: Outcomes[keyof Outcomes]): void;
}

/** A store in a folder. Job files (ids, weights) are named after the folder, so jobs are compared without it. */
export function openStore(folder: string): JobStore {
  const results = join(folder, "results");
  mkdirSync(results, { recursive: true });
  const fileOf = (job: Job) => {
    const text = canonicalJson(JSON.parse(JSON.stringify(job).replaceAll(JSON.stringify(folder).slice(1, -1), "")) as Json, "job");
    return join(results, `${job.kind}-${createHash("sha256").update(text).digest("hex").slice(0, 32)}.json`);
  };
  return {
    find: (job) => {
      const file = fileOf(job);
      return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Outcomes[(typeof job)["kind"]]) : undefined;
    },
    keep: (job, outcome) => {
      const file = fileOf(job);
      writeFileSync(`${file}.new`, JSON.stringify(outcome));
      renameSync(`${file}.new`, file);
    },
  };
}
