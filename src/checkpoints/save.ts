/**
 * Saving a checkpoint. Files are written to `.saving-<step>`, synced, and the folder is renamed to `<step>` as the last
 * act: a process killed at any moment leaves every earlier checkpoint whole.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../tensor/error.ts";
import { canonicalJson, type Json } from "./canonical-json.ts";
import {
  assertStep,
  checkpointFolders,
  checkpointSteps,
  checkpointsFolder,
  removeLeftovers,
} from "./checkpoint-folders.ts";
import { onDisk, syncFolder, writeDurably } from "./disk.ts";
import { type CheckpointFile, checkpointFiles, encodeManifest } from "./manifest.ts";
import type { Run } from "./runs.ts";
import { encodeSafetensors } from "./safetensors.ts";
import type { StoredTensors } from "./stored-tensor.ts";

export interface Checkpoint {
  /** Training steps done. */
  step: number;
  weights: StoredTensors;
  optimizer: StoredTensors;
  /** Random state, data position and whatever else continues the run; no times, no paths. */
  state: Json;
}

export interface SavedCheckpoint {
  path: string;
  /** Steps of the checkpoints that the run now has, ascending. */
  steps: number[];
}

/**
 * Saves and then deletes all but the newest `keep` checkpoints, and any of a later step: those belong to a future that
 * the run has left by resuming before it. Equal content gives equal bytes.
 * Throws `E_CHECKPOINT_STEP`, `E_CHECKPOINT_KEEP`, `E_SAFETENSORS_TENSOR`, `E_JSON_VALUE`, or a disk error that says which
 * checkpoint is kept.
 */
export function saveCheckpoint(
  run: Run,
  checkpoint: Checkpoint,
  { keep = 2 }: { keep?: number } = {},
): SavedCheckpoint {
  const { step } = checkpoint;
  assertStep(step);
  if (!Number.isSafeInteger(keep) || keep < 1) {
    fail({ code: "E_CHECKPOINT_KEEP", where: "keep", expected: "a whole number from 1", got: String(keep) });
  }
  const files = encodeFiles(checkpoint);
  const path = join(checkpointsFolder(run.path), String(step));
  onDisk(path, describeKept(run), () => {
    removeLeftovers(run.path);
    syncMetrics(run.path);
    writeFolder(run.path, step, files);
  });
  onDisk(path, `Checkpoint ${step} is saved; older ones could not be removed.`, () => prune(run.path, step, keep));
  return { path, steps: checkpointSteps(run.path) };
}

function encodeFiles({ weights, optimizer, state }: Checkpoint): Record<CheckpointFile, Uint8Array> {
  return {
    "weights.safetensors": encodeSafetensors({ tensors: weights }),
    "optimizer.safetensors": encodeSafetensors({ tensors: optimizer }),
    "state.json": Buffer.from(canonicalJson(state, "state")),
  };
}

function writeFolder(runPath: string, step: number, files: Record<CheckpointFile, Uint8Array>): void {
  const parent = checkpointsFolder(runPath);
  const fresh = join(parent, `.saving-${step}`);
  try {
    mkdirSync(fresh);
    for (const name of checkpointFiles) writeDurably(join(fresh, name), files[name]);
    writeDurably(join(fresh, "manifest.json"), encodeManifest(step, files));
    syncFolder(fresh);
    takePlace(fresh, join(parent, String(step)));
    syncFolder(parent);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** A folder cannot be renamed over a full one; for a moment the former checkpoint is called `<step>.replaced`. */
function takePlace(fresh: string, path: string): void {
  const former = `${path}.replaced`;
  if (existsSync(path)) {
    rmSync(former, { recursive: true, force: true });
    renameSync(path, former);
  }
  renameSync(fresh, path);
  rmSync(former, { recursive: true, force: true });
}

function prune(runPath: string, newest: number, keep: number): void {
  const kept = new Set(
    checkpointSteps(runPath)
      .filter((step) => step <= newest)
      .slice(-keep),
  );
  for (const { step, path } of checkpointFolders(runPath)) {
    if (kept.delete(step)) continue; // the first folder of a step stays; one that it replaced goes
    const leaving = join(checkpointsFolder(runPath), `.removing-${step}`);
    rmSync(leaving, { recursive: true, force: true });
    renameSync(path, leaving);
    rmSync(leaving, { recursive: true, force: true });
  }
}

/** Metrics up to a checkpoint's step must survive whatever the checkpoint survives. */
function syncMetrics(runPath: string): void {
  const file = openSync(join(runPath, "metrics.jsonl"), "a");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function describeKept(run: Run): string {
  const newest = checkpointFolders(run.path)[0];
  if (!newest) return "No earlier checkpoint exists; nothing of this run is saved yet.";
  return `The checkpoint of step ${newest.step} is kept in ${newest.path}; put the cause right and resume from it.`;
}
