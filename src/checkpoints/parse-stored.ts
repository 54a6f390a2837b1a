/** Stored JSON → typed value, or an error that names the file and the path inside it. */
import type { z } from "zod";
import { type Fault, fail } from "../tensor/error.ts";

export interface StoredSource {
  /** The file or value that errors name. */
  where: string;
  code: Fault["code"];
  hint?: string;
}

/** Checks a value of unknown origin against a schema. Throws `source.code` with the path of the first problem. */
export function parseStored<S extends z.ZodType>(schema: S, value: unknown, source: StoredSource): z.output<S> {
  const result = safeParse(schema, value, source);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const inside = issue.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return fail({ ...source, where: `${source.where}${inside}`, ...saidOf(issue) });
}

function saidOf(issue: z.core.$ZodIssue): { expected: string; got: string } {
  if (issue.code === "unrecognized_keys")
    return { expected: "known keys only", got: issue.keys.map((key) => JSON.stringify(key)).join(", ") };
  const { message } = issue;
  const [, expected = "a valid value", got = message] = /^[^:]*: expected (.*), received (.*)$/.exec(message) ?? [];
  return { expected, got: got === "undefined" ? "nothing" : got };
}

/** Schemas recurse, so that a hostile depth exhausts the stack. */
function safeParse<S extends z.ZodType>(
  schema: S,
  value: unknown,
  source: StoredSource,
): z.ZodSafeParseResult<z.output<S>> {
  try {
    return schema.safeParse(value);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    return fail({ ...source, expected: "fewer levels of nesting", cause });
  }
}

/** The same from JSON text. */
export function parseStoredText<S extends z.ZodType>(schema: S, text: string, source: StoredSource): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    fail({ ...source, expected: "JSON", got: cause instanceof Error ? cause.message : "something else", cause });
  }
  return parseStored(schema, value, source);
}
