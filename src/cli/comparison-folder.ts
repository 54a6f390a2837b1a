/** Working folders of comparisons: finished jobs, and what was typed, so that one can go on. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { onDisk, parseStoredText } from "../checkpoints/index.ts";
import { fail } from "../tensor/index.ts";

const root = "runs";
const prefix = "compare-";
const typedFile = "command.json";
const typedSchema = z.strictObject({
  operands: z.array(z.string()),
  options: z.record(z.string(), z.union([z.string(), z.boolean()])),
});

/** Words and options of a command line that were typed, defaults left out. */
export type Typed = z.output<typeof typedSchema>;

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
  const [newest] = namesIn(root)
    .filter((name) => name.startsWith(prefix))
    .sort()
    .reverse();
  if (newest !== undefined) return join(root, newest);
  return fail({
    code: "E_COMPARE_RESUME",
    where: resolve(root),
    expected: `a folder ${prefix}… of an earlier comparison`,
    got: "none",
    hint: "Name it with --folder, or start without --resume.",
  });
}

/** Whether any job of a comparison is finished. */
export const hasOutcomes = (folder: string): boolean => namesIn(join(folder, "results")).length > 0;

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Remembers in a new working folder what a comparison was started with. Throws E_COMPARE_FOLDER where there is one already. */
export function rememberTyped(folder: string, typed: Typed): void {
  if (existsSync(join(folder, typedFile)))
    fail({
      code: "E_COMPARE_FOLDER",
      where: `--folder ${folder}`,
      expected: "a new folder",
      got: "that of an earlier comparison",
      hint: "Add --resume to go on with it, or name another.",
    });
  onDisk(resolve(folder), "Nothing was trained; name another with --folder.", () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, typedFile), `${JSON.stringify(typed)}\n`);
  });
}

/** What a comparison was started with. Throws E_COMPARE_RESUME where the folder does not say. */
export function recallTyped(folder: string): Typed {
  const where = join(folder, typedFile);
  return parseStoredText(typedSchema, read(where), { where, code: "E_COMPARE_RESUME" });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    return fail({
      code: "E_COMPARE_RESUME",
      where: path,
      expected: "the settings of an earlier comparison",
      got: "none",
      hint: "Name its folder with --folder, or start without --resume.",
      cause,
    });
  }
}

/** A report that cannot be written should fail before hours of training. Throws E_REPORT. */
export function assertWritable(report: string): void {
  const path = resolve(report);
  const folder = dirname(path);
  const where = `--report ${report}`;
  if (!isWritable(folder))
    fail({ code: "E_REPORT", where, expected: "a folder that exists and can be written to", got: folder });
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory())
    fail({
      code: "E_REPORT",
      where,
      expected: "the name of a file",
      got: "a folder",
      hint: `For instance ${join(report, "report.html")}.`,
    });
  if (!isWritable(path))
    fail({ code: "E_REPORT", where, expected: "a file that can be written", got: "one that cannot" });
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
