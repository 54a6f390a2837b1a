import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Checkpoint, createRun, openRun, type Run, saveCheckpoint } from "../checkpoints/index.ts";

/** Name of the run, inside a run's folder, that holds the checkpoint of its best evaluation. */
export const bestName = "best";

/** Puts a checkpoint in the place of the best one so far. Throws disk errors. */
export function saveBest(run: Run, checkpoint: Checkpoint): void {
  const known = existsSync(join(run.path, bestName, "run.json"));
  const best = known ? openRun(run.path, bestName) : createRun(run.path, bestName, run.info);
  saveCheckpoint(best, checkpoint, { keep: 1 });
}
