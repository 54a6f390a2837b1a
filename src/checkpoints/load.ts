/** Loading a checkpoint: nothing is handed out whose bytes are not, by their hashes, those that were saved. */
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail, SeqlabError } from "../tensor/error.ts";
import type { Json } from "./canonical-json.ts";
import { assertStep, type CheckpointFolder, checkpointFolders, checkpointSteps } from "./checkpoint-folders.ts";
import { maybeErrno } from "./disk.ts";
import { assertHash, type CheckpointFile, corrupt, type Manifest, parseManifest } from "./manifest.ts";
import { truncateMetrics } from "./metrics.ts";
import type { Run } from "./runs.ts";
import { decodeSafetensors } from "./safetensors.ts";
import type { StoredTensor } from "./stored-tensor.ts";

export interface SkippedCheckpoint {
  step: number;
  path: string;
  reason: string;
}

export interface LoadedCheckpoint {
  step: number;
  path: string;
  weights: Record<string, StoredTensor>;
  optimizer: Record<string, StoredTensor>;
  state: Json;
  /** Newer checkpoints that could not be used, newest first; empty when a step was asked for. */
  skipped: SkippedCheckpoint[];
}

/** A manifest of three files is below 1 kB; a larger one is not read. */
const maxManifestBytes = 10_000;

/**
 * Loads the checkpoint of a step, or the newest good one.
 * Throws `E_CHECKPOINT_MISSING`, for a given step `E_CHECKPOINT_CORRUPT`, and `E_CHECKPOINT_NONE` where none is good.
 */
export function loadCheckpoint(run: Run, step: number | "latest" = "latest"): LoadedCheckpoint {
  const skipped: SkippedCheckpoint[] = [];
  for (const folder of step === "latest" ? checkpointFolders(run.path) : foldersOf(run, step)) {
    try {
      return { ...readCheckpoint(folder), skipped };
    } catch (error) {
      if (step !== "latest" || !(error instanceof SeqlabError)) throw error;
      skipped.push({ ...folder, reason: error.message });
    }
  }
  const got = skipped.length ? skipped.map(({ reason }) => reason).join(" ") : "no checkpoint";
  return fail({ code: "E_CHECKPOINT_NONE", where: run.path, expected: "a checkpoint whose files are whole", got });
}

function foldersOf(run: Run, step: number): CheckpointFolder[] {
  assertStep(step);
  const folder = checkpointFolders(run.path).find((candidate) => candidate.step === step);
  if (folder) return [folder];
  const got = `steps ${checkpointSteps(run.path).join(", ") || "none"}`;
  return fail({ code: "E_CHECKPOINT_MISSING", where: run.path, expected: `a checkpoint of step ${step}`, got });
}

/** Loads as {@link loadCheckpoint} does and drops the metrics of later steps, so that the run continues from there. */
export function resumeCheckpoint(run: Run, step: number | "latest" = "latest"): LoadedCheckpoint {
  const loaded = loadCheckpoint(run, step);
  truncateMetrics(run, loaded.step);
  return loaded;
}

function readCheckpoint({ step, path }: CheckpointFolder): Omit<LoadedCheckpoint, "skipped"> {
  const text = readChecked(join(path, "manifest.json"), (bytes) => bytes <= maxManifestBytes);
  const manifest = parseManifest(Buffer.from(text).toString("utf8"), step, join(path, "manifest.json"));
  const file = (name: CheckpointFile): Uint8Array => readListed(join(path, name), manifest.files[name]);
  const tensors = (name: CheckpointFile) => decodeSafetensors(file(name), join(path, name)).tensors;
  return {
    step,
    path,
    weights: tensors("weights.safetensors"),
    optimizer: tensors("optimizer.safetensors"),
    state: JSON.parse(Buffer.from(file("state.json")).toString("utf8")),
  };
}

function readListed(path: string, entry: Manifest["files"][CheckpointFile]): Uint8Array {
  const bytes = readChecked(path, (length) => length === entry.bytes, `${entry.bytes} bytes`);
  assertHash(bytes, entry, path);
  return bytes;
}

/** Reads a file only if its length is what it should be. */
function readChecked(path: string, fits: (bytes: number) => boolean, expected = "a short file"): Uint8Array {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const stats = fstatSync(file);
    if (!stats.isFile()) corrupt(path, "a file", "something else");
    if (!fits(stats.size)) corrupt(path, expected, `${stats.size} bytes`);
    return readFileSync(file);
  } catch (error) {
    const errno = maybeErrno(error);
    if (errno === undefined) throw error;
    return corrupt(path, "a readable file", errno === "ENOENT" ? "none" : errno);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
