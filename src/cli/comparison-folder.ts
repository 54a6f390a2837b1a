/** Working folders of comparisons: finished jobs, and what was typed, so that one can go on. */
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { parseStoredText } from "../checkpoints/index.ts";
import { fail } from "../tensor/index.ts";

const root = "runs";
const prefix = "compare-";
const typedFile = "command.json";
const typedSchema = z.strictObject({ arguments: z.array(z.string()) });

/** `runs/compare-2026-01-31-185420`, or a number behind it where that exists. */
export function freshFolder(now: Date = new Date()): string {
  const stamp = now.toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
  const taken = new Set(namesIn(root));
  const base = `${prefix}${stamp}`;
  let name = base;
  for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
  return join(root, name);
}

/** The newest working folder below `runs`. Throws E_COMPARE_RESUME where there is none. */
export function newestFolder(): string {
  const [newest] = namesIn(root).filter((name) => name.startsWith(prefix)).sort().reverse();
  if (newest !== undefined) return join(root, newest);
  return fail({ code: "E_COMPARE_RESUME", where: resolve(root), expected: `a folder ${prefix}… of an earlier comparison`, got: "none", hint: "Name it with --folder, or start without --resume." });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Remembers the arguments a comparison was started with. */
export function rememberArguments(folder: string, args: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, typedFile), `${JSON.stringify({ arguments: args })}\n`);
}

/** The arguments a comparison was started with. Throws E_COMPARE_RESUME where the folder holds none. */
export function recallArguments(folder: string): string[] {
  const where = join(folder, typedFile);
  return parseStoredText(typedSchema, read(where), { where, code: "E_COMPARE_RESUME" }).arguments;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    return fail({ code: "E_COMPARE_RESUME", where: path, expected: "the settings of an earlier comparison", got: "none", hint: "Name its folder with --folder, or start without --resume.", cause });
  }
}

/** A report that cannot be written should fail before hours of training. Throws E_REPORT. */
export function assertWritable(report: string): void {
  const folder = dirname(resolve(report));
  try {
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    fail({ code: "E_REPORT", where: `--report ${report}`, expected: "a folder that exists and can be written to", got: folder, cause });
  }
}
