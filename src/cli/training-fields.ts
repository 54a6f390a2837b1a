/** Settings with parts of their own, as one writes them on a command line or in a file. */
import { readFileSync } from "node:fs";
import { nearest, parseSpecText } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import { failUsage } from "./frame/usage-error.ts";

export type Fields = Readonly<Record<string, unknown>>;

/**
 * `{"beta1":0.95}` or `beta1=0.95,roles.embedding.rateRatio=0.1`: values are JSON where they can be read so, else text.
 * Throws E_OPTION.
 */
export function fieldsOf(option: string, text: string): Fields {
  if (text.trimStart().startsWith("{")) return jsonFields(option, text);
  const fields: Record<string, unknown> = {};
  for (const part of text.split(",")) {
    const [, path, value] = /^\s*([\w.-]+)\s*=\s*(.+?)\s*$/.exec(part) ?? failFields(option, part);
    setField(fields, path!.split("."), jsonOrText(value!));
  }
  return fields;
}

function jsonFields(option: string, text: string): Fields {
  try {
    return JSON.parse(text) as Fields;
  } catch {
    return failFields(option, text);
  }
}

const failFields = (option: string, got: string): never =>
  failUsage({
    code: "E_OPTION",
    where: `--${option}`,
    expected: "key=value,key=value or a JSON object",
    got: `"${got}"`,
  });

function setField(fields: Record<string, unknown>, [key, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) fields[key!] = value;
  else {
    const inside = typeof fields[key!] === "object" ? { ...(fields[key!] as object) } : {};
    setField(inside as Record<string, unknown>, rest, value);
    fields[key!] = inside;
  }
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** The training section of a file, JSON or YAML: its key `training`, or all of it. Throws E_TRAINING_FILE or E_SPEC_TEXT. */
export function trainingFile(path: string): Fields {
  const content = parseSpecText(readText(path), path);
  const section = isFields(content) && "training" in content ? content["training"] : content;
  if (isFields(section)) return section;
  return fail({
    code: "E_TRAINING_FILE",
    where: path,
    expected: "settings of a training by name",
    got: typeof section,
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    return fail({
      code: "E_TRAINING_FILE",
      where: path,
      expected: "a file that can be read",
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One of the known words. Throws E_OPTION, which also names what else would do. */
export function choiceOf<T extends string>(option: string, text: string, known: readonly T[], other?: string): T {
  const found = known.find((word) => word === text);
  if (found !== undefined) return found;
  const near = nearest(text, known);
  return failUsage({
    code: "E_OPTION",
    where: `--${option}`,
    expected: `one of ${known.join(", ")}${other === undefined ? "" : ` or ${other}`}`,
    got: `"${text}"`,
    ...(near !== undefined && { hint: `Did you mean ${near}?` }),
  });
}
