/**
 * Which folders below `checkpoints/` mean what.
 *   12            the checkpoint of step 12
 *   12.replaced   the former checkpoint of step 12, for the moment in which a new one takes its place
 *   .saving-12, .removing-12   unfinished work of a process that may have been killed; never read
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../tensor/error.ts";
import { maybeErrno, onDisk } from "./disk.ts";

export const checkpointsFolder = (runPath: string): string => join(runPath, "checkpoints");

export interface CheckpointFolder {
  step: number;
  path: string;
}

/** Every folder that may hold a checkpoint, newest step first, a replaced one behind its replacement. */
export function checkpointFolders(runPath: string): CheckpointFolder[] {
  const folder = checkpointsFolder(runPath);
  return names(folder)
    .filter((name) => /^(0|[1-9]\d{0,14})(\.replaced)?$/.test(name))
    .map((name) => ({ step: Number.parseInt(name, 10), path: join(folder, name) }))
    .toSorted((a, b) => b.step - a.step || a.path.length - b.path.length);
}

/** Steps that have a checkpoint folder, ascending. */
export function checkpointSteps(runPath: string): number[] {
  const steps = checkpointFolders(runPath).map(({ step }) => step);
  return [...new Set(steps)].toReversed();
}

/** Deletes what killed processes left. */
export function removeLeftovers(runPath: string): void {
  const folder = checkpointsFolder(runPath);
  for (const name of names(folder)) {
    if (/^\.(saving|removing)-/.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Throws `E_CHECKPOINT_STEP` unless `step` is a whole number from 0 to 10^15 - 1. */
export function assertStep(step: number): void {
  if (Number.isSafeInteger(step) && step >= 0 && step < 1e15) return;
  fail({ code: "E_CHECKPOINT_STEP", where: "checkpoint step", expected: "a whole number from 0", got: String(step) });
}

function names(folder: string): string[] {
  try {
    return onDisk(folder, "Nothing was changed.", () => readdirSync(folder));
  } catch (error) {
    if (error instanceof Error && maybeErrno(error.cause) === "ENOENT") return [];
    throw error;
  }
}
