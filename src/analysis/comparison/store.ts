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

/** What tells a job from others, hexadecimal. Its files (ids, weights) lie in the folder; jobs are compared without its path. */
export function jobHash(job: object, folder: string): string {
  const text = canonicalJson(
    JSON.parse(JSON.stringify(job).replaceAll(JSON.stringify(folder).slice(1, -1), "")) as Json,
    "job",
  );
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** A store in a folder. */
export function openStore(folder: string): JobStore {
  const results = join(folder, "results");
  mkdirSync(results, { recursive: true });
  const fileOf = (job: Job) => join(results, `${job.kind}-${jobHash(job, folder)}.json`);
  return {
    find: (job) => {
      const file = fileOf(job);
      if (job.kind === "train" && !existsSync(job.weights)) return undefined;
      return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Outcomes[(typeof job)["kind"]]) : undefined;
    },
    keep: (job, outcome) => {
      const file = fileOf(job);
      writeFileSync(`${file}.new`, JSON.stringify(outcome));
      renameSync(`${file}.new`, file);
    },
  };
}
