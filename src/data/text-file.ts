/** Reading a text file whole, with an error for everything that can be wrong with one. */
import { constants, isUtf8 } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { fail, SeqlabError } from "../tensor/error.ts";
import { maybeInvalidUtf8 } from "./utf8.ts";

/**
 * The text of a file in UTF-8, without a byte order mark. Pipes are read to their end.
 * Throws `E_CORPUS_MISSING`, `E_CORPUS_FOLDER`, `E_CORPUS_READ`, `E_CORPUS_EMPTY`, `E_CORPUS_LARGE`, `E_CORPUS_CHANGED`,
 * and `E_CORPUS_UTF8` with the offset of the first bad byte.
 */
export async function readTextFile(path: string): Promise<string> {
  const bytes = await readBytes(path);
  if (bytes.length === 0) fail({ code: "E_CORPUS_EMPTY", where: path, expected: "a file with text", got: "0 bytes" });
  if (!isUtf8(bytes)) failUtf8(path, bytes);
  const text = bytes.toString("utf8");
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

async function readBytes(path: string): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    return await readOpen(file, path);
  } catch (cause) {
    if (cause instanceof SeqlabError) throw cause;
    return failRead(path, cause);
  } finally {
    await file?.close();
  }
}

async function readOpen(file: FileHandle, path: string): Promise<Buffer> {
  const stats = await file.stat();
  if (stats.isDirectory()) {
    fail({
      code: "E_CORPUS_FOLDER",
      where: path,
      expected: "a file",
      got: "a folder",
      hint: "Name one file inside it.",
    });
  }
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
    chunks.push(chunk);
    total += chunk.length;
    if (total > constants.MAX_STRING_LENGTH) failLarge(path);
  }
  if (stats.isFile() && total !== stats.size) {
    const [expected, got] = [`${stats.size} bytes, as when it was opened`, `${total}: it changed while it was read`];
    fail({ code: "E_CORPUS_CHANGED", where: path, expected, got, hint: "Try again when nothing writes to it." });
  }
  return Buffer.concat(chunks, total);
}

function failRead(where: string, cause: unknown): never {
  const errno = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  if (errno === "ENOENT") {
    const hint = "Check the path; it is relative to the current folder.";
    fail({ code: "E_CORPUS_MISSING", where, expected: "a text file", got: "nothing at this path", hint, cause });
  }
  return fail({ code: "E_CORPUS_READ", where, expected: "a readable file", got: errno, cause });
}

function failLarge(where: string): never {
  const expected = `at most ${constants.MAX_STRING_LENGTH} bytes, which is what one text can hold`;
  return fail({ code: "E_CORPUS_LARGE", where, expected, got: "more", hint: "Use a part of the file." });
}

function failUtf8(where: string, bytes: Uint8Array): never {
  const offset = maybeInvalidUtf8(bytes) ?? 0;
  const got = `byte 0x${bytes[offset]!.toString(16).padStart(2, "0")} at offset ${offset}`;
  return fail({ code: "E_CORPUS_UTF8", where, expected: "text in UTF-8", got, hint: `${guess(bytes)}.` });
}

function guess([first, second]: Uint8Array): string {
  if (first === 0x1f && second === 0x8b) return "It looks like a gzip file: unpack it first";
  if (first === 0x50 && second === 0x4b) return "It looks like a zip archive: unpack it first";
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return "It looks like UTF-16: convert it to UTF-8";
  }
  return "Convert the file to UTF-8, or remove the byte";
}
