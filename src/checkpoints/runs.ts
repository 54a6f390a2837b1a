/**
 * A run on disk:
 *   <root>/<name>/run.json                what was run: canonical spec, data, protocol
 *   <root>/<name>/metrics.jsonl           one record a line, appended while training
 *   <root>/<name>/checkpoints/<step>/     weights, optimizer, state and their manifest (save.ts, load.ts)
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { fail, SeqlabError } from "../tensor/error.ts";
import { canonicalJson, type Json } from "./canonical-json.ts";
import { checkpointSteps } from "./checkpoint-folders.ts";
import { maybeErrno, onDisk, syncFolder, writeDurably } from "./disk.ts";
import { parseStoredText } from "./parse-stored.ts";
import { assertRunName } from "./run-name.ts";

/** What `run.json` holds. */
export interface RunInfo {
  /** The canonical spec of the model. */
  spec: Json;
  /** Source, hash, split and tokenizer of the data. */
  data: Json;
  /** Everything else that decides the result: seeds, budget, optimizer, versions, machine. */
  protocol: Json;
}

export interface Run {
  name: string;
  /** Absolute path of the run's folder. */
  path: string;
  info: RunInfo;
}

export interface RunSummary {
  name: string;
  path: string;
  /** Steps of the checkpoints that are there, ascending; their content is not verified. */
  steps: number[];
  info?: RunInfo;
  /** Why `run.json` cannot be used. */
  problem?: string;
}

const runFile = z.strictObject({ format: z.literal(1), spec: z.json(), data: z.json(), protocol: z.json() });

/**
 * Makes a run's folder with its `run.json`, in one step. Throws `E_RUN_NAME`, `E_RUN_EXISTS`, `E_JSON_VALUE` or a disk error.
 */
export function createRun(root: string, name: string, info: RunInfo): Run {
  assertRunName(name);
  const path = join(resolve(root), name);
  const json = canonicalJson({ format: 1, spec: info.spec, data: info.data, protocol: info.protocol }, "run.json");
  onDisk(path, "Nothing was written.", () => {
    mkdirSync(root, { recursive: true });
    const fresh = join(root, `.new-${name}-${process.pid}`);
    rmSync(fresh, { recursive: true, force: true });
    try {
      mkdirSync(join(fresh, "checkpoints"), { recursive: true });
      writeDurably(join(fresh, "metrics.jsonl"), "");
      writeDurably(join(fresh, "run.json"), json);
      moveInto(fresh, path);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
    syncFolder(root);
  });
  return { name, path, info };
}

function moveInto(fresh: string, path: string): void {
  if (existsSync(path)) failExists(path);
  try {
    renameSync(fresh, path);
  } catch (error) {
    const errno = maybeErrno(error);
    if (errno === "ENOTEMPTY" || errno === "EEXIST" || errno === "ENOTDIR") failExists(path, error);
    throw error;
  }
}

const failExists = (where: string, cause?: unknown): never =>
  fail({ code: "E_RUN_EXISTS", where, expected: "a new run", hint: "Resume it or choose another name.", cause });

/** Opens an existing run. Throws `E_RUN_NAME`, `E_RUN_MISSING` (listing those that exist), `E_RUN_FILE` or a disk error. */
export function openRun(root: string, name: string): Run {
  assertRunName(name);
  const path = join(resolve(root), name);
  if (!existsSync(join(path, "run.json"))) {
    const others = runNames(root);
    const hint = others.length ? `Runs there: ${others.slice(0, 10).join(", ")}.` : `No runs are in ${resolve(root)}.`;
    fail({ code: "E_RUN_MISSING", where: path, expected: "a run with its run.json", got: "none", hint });
  }
  return { name, path, info: readInfo(path) };
}

function readInfo(path: string): RunInfo {
  const where = join(path, "run.json");
  const text = onDisk(where, "The checkpoints beside it are untouched.", () => readFileSync(where, "utf8"));
  const { format: _, ...info } = parseStoredText(runFile, text, { where, code: "E_RUN_FILE" });
  return info;
}

/** All runs below `root`, by name; a run whose `run.json` is damaged is listed with its problem. No folder: no runs. */
export function listRuns(root: string): RunSummary[] {
  return runNames(root).map((name) => {
    const path = join(resolve(root), name);
    const steps = checkpointSteps(path);
    try {
      return { name, path, steps, info: readInfo(path) };
    } catch (error) {
      if (error instanceof SeqlabError) return { name, path, steps, problem: error.message };
      throw error;
    }
  });
}

function runNames(root: string): string[] {
  if (!existsSync(root)) return [];
  const names = onDisk(resolve(root), "Nothing was changed.", () => readdirSync(root));
  const isRun = (name: string) => statSync(join(root, name, "run.json"), { throwIfNoEntry: false })?.isFile() ?? false;
  return names.filter((name) => !name.startsWith(".") && isRun(name)).toSorted();
}
