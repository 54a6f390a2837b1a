import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { fail, SeqlabError } from "../../tensor/error.ts";
import { createHuggingFaceTokenizer } from "./hugging-face.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Bytes of the largest file that is read; the largest in use have some 35 MB. */
const mostBytes = 64 * 2 ** 20;

/** Reads a `tokenizer.json`. Throws `E_TOKENIZER_FILE` for a file that cannot be read, and `E_TOKENIZER` for what it holds. */
export function readTokenizerFile(path: string): Tokenizer {
  const text = readBounded(path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    failFile(path, { expected: "JSON", got: cause instanceof Error ? cause.message : String(cause), cause });
  }
  return createHuggingFaceTokenizer(json, path);
}

function readBounded(path: string): string {
  try {
    const handle = openSync(path, "r");
    try {
      assertFile(path);
      return readFileSync(handle, "utf8");
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    if (cause instanceof SeqlabError) throw cause;
    const got = cause instanceof Error ? cause.message : String(cause);
    return failFile(path, { expected: "a tokenizer.json of Hugging Face", got, cause });
  }
}

function assertFile(path: string): void {
  const stats = statSync(path);
  if (!stats.isFile()) failFile(path, { expected: "a file", got: "something else" });
  if (stats.size > mostBytes)
    failFile(path, { expected: `at most ${mostBytes / 2 ** 20} MiB`, got: `${stats.size} bytes` });
}

const failFile = (where: string, fault: { expected: string; got: string; cause?: unknown }): never =>
  fail({ code: "E_TOKENIZER_FILE", where, ...fault });
