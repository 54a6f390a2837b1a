/**
 * Safetensors files: named tensors and a few strings in one file.
 * Layout and padding are the reference implementation's (huggingface/safetensors, `serialize`), so equal content gives
 * equal bytes, here and there: tensors by falling element size, then by name; the header padded with spaces to 8 bytes.
 */
import { fail } from "../tensor/error.ts";
import { elements, maxHeaderBytes, metadataKey, parseHeader, type TensorEntry } from "./safetensors-header.ts";
import { type StoredDtype, type StoredTensor, type StoredTensors, storedDtypes } from "./stored-tensor.ts";

export interface Safetensors {
  tensors: Record<string, StoredTensor>;
  metadata: Record<string, string>;
}

/**
 * Reads a file's bytes; `where` names them in errors. The arrays are copies, so that `file` may be reused.
 * Both records have no prototype: a tensor may be called `__proto__`.
 * Throws `E_SAFETENSORS_HEADER`, `E_SAFETENSORS_TENSOR` or `E_SAFETENSORS_RANGE`.
 */
export function decodeSafetensors(file: Uint8Array, where = "safetensors"): Safetensors {
  const { entries, metadata } = parseHeader(file, where);
  const tensors: Record<string, StoredTensor> = Object.create(null);
  for (const entry of entries) tensors[entry.name] = readTensor(file, entry);
  return { tensors, metadata };
}

function readTensor(file: Uint8Array, { dtype, shape, begin, end }: TensorEntry): StoredTensor {
  const copy = new Uint8Array(end - begin);
  copy.set(file.subarray(begin, end));
  return { dtype, shape, data: new storedDtypes[dtype].array(copy.buffer) } as StoredTensor;
}

/**
 * Writes tensors and metadata as the bytes of a file; equal content gives equal bytes.
 * Throws `E_SAFETENSORS_TENSOR` where shape, dtype and data do not belong together.
 */
export function encodeSafetensors(content: { tensors: StoredTensors; metadata?: Record<string, string> }): Uint8Array {
  const sorted = Object.entries(content.tensors).toSorted(byLayout);
  for (const [name, tensor] of sorted) assertTensor(name, tensor);
  const header = headerBytes(sorted, content.metadata ?? {});
  const dataBytes = sorted.reduce((sum, [, { data }]) => sum + data.byteLength, 0);
  const file = new Uint8Array(8 + header.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  let offset = 8 + header.length;
  for (const [, { data }] of sorted) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

function headerBytes(sorted: [string, StoredTensor][], metadata: Record<string, string>): Uint8Array {
  const strings = Object.entries(metadata).toSorted(([a], [b]) => byCodePoint(a, b));
  const parts = strings.length ? [`"${metadataKey}":{${strings.map(metadataEntry).join()}}`] : [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    const end = offset + data.byteLength;
    parts.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${offset},${end}]}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${parts.join()}}`);
  if (json.length > maxHeaderBytes - 8) {
    bad("header", `at most ${maxHeaderBytes} bytes of names, shapes and metadata`, `${json.length}`);
  }
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  padded.set(json);
  return padded;
}

function metadataEntry([key, text]: [string, string]): string {
  if (typeof text !== "string" || !text.isWellFormed() || !key.isWellFormed()) {
    bad(
      `metadata ${JSON.stringify(key)}`,
      "strings in Unicode",
      typeof text === "string" ? "a lone surrogate" : typeof text,
    );
  }
  return `${JSON.stringify(key)}:${JSON.stringify(text)}`;
}

function assertTensor(name: string, { dtype, shape, data }: StoredTensor): void {
  const where = `tensor ${JSON.stringify(name)}`;
  if (name === metadataKey || !name.isWellFormed()) bad(where, `a Unicode name other than ${metadataKey}`, "this name");
  if (!(data instanceof storedDtypes[dtype].array)) {
    bad(where, `a ${storedDtypes[dtype].array.name} for ${dtype}`, Object.prototype.toString.call(data));
  }
  const valid = shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
  if (!valid || elements(shape, where) !== data.length) bad(where, `a shape of ${data.length} elements`, `[${shape}]`);
}

const layoutRank = new Map(Object.keys(storedDtypes).map((dtype, rank) => [dtype as StoredDtype, rank]));

function byLayout(
  [a, { dtype: dtypeA }]: [string, StoredTensor],
  [b, { dtype: dtypeB }]: [string, StoredTensor],
): number {
  return layoutRank.get(dtypeA)! - layoutRank.get(dtypeB)! || byCodePoint(a, b);
}

/** The order of UTF-8 bytes, which differs from that of UTF-16 units beyond U+FFFF. */
function byCodePoint(a: string, b: string): number {
  const [pointsA, pointsB] = [Array.from(a), Array.from(b)];
  const shared = Math.min(pointsA.length, pointsB.length);
  for (let i = 0; i < shared; i++) {
    const difference = pointsA[i]!.codePointAt(0)! - pointsB[i]!.codePointAt(0)!;
    if (difference) return difference;
  }
  return pointsA.length - pointsB.length;
}

const bad = (where: string, expected: string, got: string): never =>
  fail({ code: "E_SAFETENSORS_TENSOR", where, expected, got });
