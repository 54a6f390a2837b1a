/**
 * The header of a safetensors file: 8 bytes of little-endian length, then JSON that gives every tensor a dtype, a shape
 * and a byte range of the data behind it. Everything a file claims is checked against the bytes that are there
 * before anything is allocated by it.
 */
import { fail } from "../tensor/error.ts";
import { maybeDuplicateKey } from "./duplicate-keys.ts";
import { isStoredDtype, type StoredDtype, storedDtypes } from "./stored-tensor.ts";

/** The reference implementation's limit. */
export const maxHeaderBytes = 100_000_000;
export const metadataKey = "__metadata__";

export interface TensorEntry {
  name: string;
  dtype: StoredDtype;
  shape: number[];
  /** Byte range in the file, end excluded. */
  begin: number;
  end: number;
}

export interface Header {
  entries: TensorEntry[];
  metadata: Record<string, string>;
}

/** Throws `E_SAFETENSORS_HEADER`, `E_SAFETENSORS_TENSOR` or `E_SAFETENSORS_RANGE` for every malformed header. */
export function parseHeader(file: Uint8Array, where: string): Header {
  const dataStart = 8 + headerLength(file, where);
  const json = parseObject(headerText(file.subarray(8, dataStart), where), where);
  const { [metadataKey]: metadata, ...tensors } = json;
  const entries = Object.entries(tensors).map(([name, value]) => parseEntry(name, value, dataStart, where));
  assertCovered(entries, dataStart, file.length, where);
  return { entries, metadata: parseMetadata(metadata, where) };
}

function headerLength(file: Uint8Array, where: string): number {
  if (file.length < 8) badHeader(where, "8 bytes of header length", `${file.length} bytes`);
  const claimed = new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true);
  if (claimed > maxHeaderBytes) badHeader(where, `a header of at most ${maxHeaderBytes} bytes`, `${claimed}`);
  if (claimed > file.length - 8) badHeader(where, `a header within the file's ${file.length} bytes`, `${claimed}`);
  return Number(claimed);
}

function headerText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return badHeader(where, "a header in UTF-8", "invalid bytes");
  }
}

function parseObject(text: string, where: string): Record<string, unknown> {
  const value = parseJsonText(text, where);
  if (!isObject(value))
    return badHeader(where, "a JSON object as header", Array.isArray(value) ? "an array" : `${value}`);
  const duplicate = maybeDuplicateKey(text);
  if (duplicate !== undefined) badHeader(where, "every key once in an object", `${JSON.stringify(duplicate)} twice`);
  return value;
}

function parseJsonText(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return badHeader(where, "a header in JSON", cause instanceof Error ? cause.message : "something else");
  }
}

function parseMetadata(value: unknown, where: string): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null);
  if (value === undefined) return metadata;
  if (!isObject(value)) return badHeader(where, `${metadataKey} to be an object of strings`, describe(value));
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") return badHeader(where, `a string in ${metadataKey}.${key}`, describe(text));
    metadata[key] = text;
  }
  return metadata;
}

function parseEntry(name: string, value: unknown, dataStart: number, file: string): TensorEntry {
  const where = `${file}: tensor ${JSON.stringify(name)}`;
  if (!name.isWellFormed()) return badTensor(where, "a name in Unicode", "a lone surrogate");
  if (!isObject(value)) return badTensor(where, "an object with dtype, shape and data_offsets", describe(value));
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isStoredDtype(dtype)) {
    return badTensor(where, `a dtype of ${Object.keys(storedDtypes).join(", ")}`, describe(dtype));
  }
  if (!isCounts(shape)) return badTensor(where, "a shape of whole numbers from 0", describe(shape));
  if (!isCounts(offsets) || offsets.length !== 2) return badTensor(where, "two data_offsets", describe(offsets));
  const [begin = 0, end = 0] = offsets;
  const bytes = elements(shape, where) * storedDtypes[dtype].bytes;
  if (end - begin !== bytes)
    return badTensor(where, `a range of ${bytes} bytes for ${dtype} [${shape}]`, `${begin}–${end}`);
  return { name, dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** The number of elements of a shape; a product beyond 2^53 is an error, also where a later dim is 0. */
export function elements(shape: readonly number[], where: string): number {
  let count = 1;
  for (const dim of shape) {
    count *= dim;
    if (!Number.isSafeInteger(count)) return badTensor(where, "fewer than 2^53 elements", `shape [${shape}]`);
  }
  return count;
}

/** The ranges, in order, must cover the data exactly: from its first byte to its last, no hole, no overlap. */
function assertCovered(entries: TensorEntry[], dataStart: number, fileEnd: number, where: string): void {
  let covered = dataStart;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) badRange(where, `tensor ${JSON.stringify(name)} to begin at byte ${covered}`, `${begin}`);
    covered = end;
  }
  if (covered !== fileEnd) badRange(where, `tensors that end at the end of the file, byte ${fileEnd}`, `${covered}`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && v >= 0 && !Object.is(v, -0));

const describe = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 80);

const badHeader = (where: string, expected: string, got: string): never =>
  fail({ code: "E_SAFETENSORS_HEADER", where, expected, got });
const badTensor = (where: string, expected: string, got: string): never =>
  fail({ code: "E_SAFETENSORS_TENSOR", where, expected, got });
const badRange = (where: string, expected: string, got: string): never =>
  fail({ code: "E_SAFETENSORS_RANGE", where, expected, got });
