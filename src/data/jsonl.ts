/** JSONL: one JSON object a line, one of whose fields is the text of a document. */
import { fail } from "../tensor/error.ts";

/**
 * The documents of a JSONL text, in order; blank lines are skipped, and halves of surrogate pairs, which UTF-8 cannot hold,
 * become U+FFFD. Throws `E_CORPUS_JSONL` with file, line and key.
 */
export function parseJsonl(text: string, { field, where }: { field: string; where: string }): string[] {
  const documents: string[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() !== "") documents.push(parseLine(line, field, `${where}:${i + 1}`));
  }
  if (documents.length === 0) bad(where, "at least one document", "blank lines");
  return documents;
}

function parseLine(line: string, field: string, where: string): string {
  const record = parseObject(line, where);
  if (!Object.hasOwn(record, field)) {
    const keys = Object.keys(record).slice(0, 10).join(", ") || "none";
    bad(where, `the key ${JSON.stringify(field)}`, `keys: ${keys}`, "Name the field that holds the text.");
  }
  const text = record[field];
  if (typeof text !== "string") {
    return bad(where, `a string under ${JSON.stringify(field)}`, text === null ? "null" : typeof text);
  }
  return text.toWellFormed();
}

function parseObject(line: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    bad(where, "a JSON object", cause instanceof Error ? cause.message : "something else");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return bad(where, "a JSON object", line.slice(0, 60));
}

const bad = (where: string, expected: string, got: string, hint?: string): never =>
  fail({ code: "E_CORPUS_JSONL", where, expected, got, ...(hint && { hint }) });
