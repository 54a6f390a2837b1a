/** Parallel corpora as files, read line by line: two files, one with tabs, or JSONL; `.gz` is unpacked on the way. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { fail, SeqlabError } from "../tensor/error.ts";

export interface PairFiles {
  /** The source's lines; with no `target`, pairs. */
  source: string;
  target?: string;
  /** Of a file of pairs. Default: jsonl for `*.jsonl` and `*.ndjson` (also behind `.gz`), else tsv. */
  format?: "tsv" | "jsonl";
  /** JSONL: keys of source and target, dots between levels. Default `source` and `target`. */
  fields?: readonly [source: string, target: string];
}

export interface TextPair {
  source: string;
  target: string;
}

/** Pairs as they are read, and how many were left out because a side is empty. */
export interface PairReader extends AsyncIterable<TextPair> {
  readonly empty: number;
}

/** Longest line that is read, in characters. */
const longestLine = 1 << 20;

/**
 * Opens a parallel corpus; it may be read several times. Errors name file and line: `E_CORPUS_MISSING`, `E_CORPUS_READ`,
 * `E_CORPUS_UTF8`, `E_CORPUS_LINE` for lines that are too long or no pair, `E_PAIRS_LENGTH` where two files differ in length.
 */
export function openPairs(files: PairFiles): PairReader {
  const state = { empty: 0 };
  return {
    get empty() {
      return state.empty;
    },
    async *[Symbol.asyncIterator]() {
      state.empty = 0;
      for await (const pair of files.target === undefined ? onePairFile(files) : twoFiles(files.source, files.target)) {
        const clean = { source: pair.source.trim(), target: pair.target.trim() };
        if (clean.source === "" || clean.target === "") state.empty++;
        else yield clean;
      }
    },
  };
}

async function* twoFiles(source: string, target: string): AsyncGenerator<TextPair> {
  const [left, right] = [linesOf(source), linesOf(target)];
  for (let line = 1; ; line++) {
    const [a, b] = [await left.next(), await right.next()];
    if (a.done && b.done) return;
    if (a.done || b.done)
      fail({
        code: "E_PAIRS_LENGTH",
        where: `${source} and ${target}`,
        expected: "as many lines in both files",
        got: `${a.done ? source : target} ends behind line ${line - 1}`,
      });
    yield { source: a.value, target: b.value };
  }
}

async function* onePairFile({ source: path, format, fields = ["source", "target"] }: PairFiles) {
  const jsonl = (format ?? (/\.(jsonl|ndjson)(\.gz)?$/i.test(path) ? "jsonl" : "tsv")) === "jsonl";
  let line = 0;
  for await (const text of linesOf(path)) {
    line++;
    if (text.trim() === "") continue;
    yield jsonl ? jsonPair(text, fields, `${path}:${line}`) : tabPair(text, `${path}:${line}`);
  }
}

function tabPair(text: string, where: string): TextPair {
  const columns = text.split("\t");
  if (columns.length >= 2) return { source: columns[0]!, target: columns[1]! };
  const hint = "Separate source and target by a tab, or name two files.";
  return fail({ code: "E_CORPUS_LINE", where, expected: "two columns", got: "no tab in the line", hint });
}

function jsonPair(text: string, fields: NonNullable<PairFiles["fields"]>, where: string): TextPair {
  const bad = (expected: string, got: string, hint?: string) =>
    fail({ code: "E_CORPUS_LINE", where, expected, got, ...(hint && { hint }) });
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    bad("one JSON object", "text that is no JSON");
  }
  const [source, target] = fields.map((field) => {
    const value = field.split(".").reduce<unknown>((at, key) => {
      return at !== null && typeof at === "object" && Object.hasOwn(at, key)
        ? (at as Record<string, unknown>)[key]
        : undefined;
    }, record);
    if (typeof value === "string") return value.toWellFormed();
    return bad(`text under "${field}"`, value === undefined ? `keys: ${keysOf(record)}` : typeof value, fieldsHint);
  });
  return { source: source!, target: target! };
}

const fieldsHint = "Name the keys of source and target, such as --fields de,en or translation.de,translation.en.";

const keysOf = (record: unknown): string =>
  record !== null && typeof record === "object" ? Object.keys(record).slice(0, 10).join(", ") || "none" : "none";

/** Lines of a file in UTF-8 without their ends. */
export async function* linesOf(path: string): AsyncGenerator<string, undefined> {
  let line = 0;
  let rest = "";
  try {
    for await (const chunk of decoded(path)) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      if (rest.length > longestLine) failLong(path, line + parts.length + 1);
      for (const part of parts) {
        line++;
        if (part.length > longestLine) failLong(path, line);
        yield part.endsWith("\r") ? part.slice(0, -1) : part;
      }
    }
  } catch (cause) {
    if (cause instanceof SeqlabError) throw cause;
    failRead(path, line, cause);
  }
  if (rest !== "") yield rest;
}

async function* decoded(path: string): AsyncGenerator<string> {
  await stat(path);
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  const bytes = /\.gz$/i.test(path) ? file.pipe(createGunzip()) : file;
  // `pipe` hands on data, not errors.
  if (bytes instanceof Transform) file.on("error", (error) => bytes.destroy(error));
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of bytes) yield decoder.decode(chunk as Buffer, { stream: true });
  const end = decoder.decode();
  if (end !== "") yield end;
}

function failLong(path: string, line: number): never {
  const expected = `a line of at most ${longestLine} characters`;
  return fail({ code: "E_CORPUS_LINE", where: `${path}:${line}`, expected, got: "a longer one" });
}

function failRead(path: string, line: number, cause: unknown): never {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  if (code === "ENOENT")
    fail({
      code: "E_CORPUS_MISSING",
      where: path,
      expected: "a text file",
      got: "nothing at this path",
      hint: "Check the path; it is relative to the current folder.",
      cause,
    });
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA")
    fail({
      code: "E_CORPUS_UTF8",
      where: `${path}, behind line ${line}`,
      expected: "text in UTF-8",
      got: "other bytes",
      cause,
    });
  return fail({ code: "E_CORPUS_READ", where: path, expected: "a readable file", got: code, cause });
}
