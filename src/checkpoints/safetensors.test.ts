import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SeqlabError } from "../tensor/error.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import { float32Of, numbersOf, type StoredDtype, type StoredTensor, storedDtypes } from "./stored-tensor.ts";

const ascii = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

/** A tensor of any dtype, shape and bits. */
const anyTensor = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(storedDtypes) as StoredDtype[])),
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
    seed: fc.array(fc.nat(255), { minLength: 8, maxLength: 8 }),
  })
  .map(({ dtype, shape, seed }): StoredTensor => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const bytes = Uint8Array.from({ length: count * storedDtypes[dtype].bytes }, (_, i) => seed[i % 8]!);
    return { dtype, shape, data: new storedDtypes[dtype].array(bytes.buffer) } as StoredTensor;
  });
const anyName = fc.string({ unit: "binary", maxLength: 12 }).filter((name) => name !== "__metadata__");

describe("safetensors", () => {
  test("writes the layout by hand: largest elements first, header padded to 8 bytes", () => {
    const file = encodeSafetensors({
      tensors: {
        b: { dtype: "U8", shape: [2], data: Uint8Array.of(1, 2) },
        a: { dtype: "U8", shape: [], data: Uint8Array.of(3) },
        w: { dtype: "F32", shape: [1], data: Float32Array.of(1) },
      },
      metadata: { z: "1", a: "ü" },
    });
    const header =
      '{"__metadata__":{"a":"ü","z":"1"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
      '"a":{"dtype":"U8","shape":[],"data_offsets":[4,5]},"b":{"dtype":"U8","shape":[2],"data_offsets":[5,7]}}';
    const padded = Buffer.concat([Buffer.from(header), Buffer.alloc(8, 0x20)]);
    const length = Math.ceil(Buffer.byteLength(header) / 8) * 8;
    const expected = [Buffer.from([length & 255, length >> 8, 0, 0, 0, 0, 0, 0]), padded.subarray(0, length)];
    expect(ascii(file)).toBe(ascii(Buffer.concat([...expected, Buffer.from([0, 0, 0x80, 0x3f, 3, 1, 2])])));
  });

  test("decode of encode is the same content, and its encoding the same bytes, whatever the order of insertion", () => {
    const content = fc.record({
      tensors: fc.dictionary(anyName, anyTensor),
      metadata: fc.dictionary(anyName, fc.string({ unit: "binary" })),
    });
    fc.assert(
      fc.property(content, (written) => {
        const file = encodeSafetensors(written);
        const read = decodeSafetensors(file);
        expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(written.metadata).sort());
        expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(written.tensors).sort());
        for (const [name, tensor] of Object.entries(written.tensors)) expect(read.tensors[name]).toEqual(tensor);
        const reversed = Object.fromEntries(Object.entries(read.tensors).reverse());
        expect(encodeSafetensors({ ...read, tensors: reversed })).toEqual(file);
      }),
    );
  });

  test("reads a file that lies at an odd address, and returns copies", () => {
    const file = encodeSafetensors({ tensors: { x: { dtype: "F64", shape: [2], data: Float64Array.of(1, 2) } } });
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    const { tensors } = decodeSafetensors(shifted.subarray(3));
    shifted.fill(0);
    expect(tensors.x).toEqual({ dtype: "F64", shape: [2], data: Float64Array.of(1, 2) });
  });

  test("any bytes, and any file with changed bytes, are read or refused with a clear error", () => {
    const metadata = { note: "text" };
    const valid = encodeSafetensors({
      tensors: { x: { dtype: "F32", shape: [2], data: new Float32Array(2) } },
      metadata,
    });
    const changes = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const changed = changes.map((list) => {
      const copy = valid.slice();
      for (const [at, byte] of list) copy[at] = byte;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(changed, changed, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        const result = attempt(() => decodeSafetensors(bytes, "file"));
        expect(result.error?.message ?? "file").toMatch(/^file/);
      }),
      { numRuns: 2000 },
    );
  });

  test.each<[string, StoredTensor]>([
    ["a shape of 2 elements, got [3]", { dtype: "F32", shape: [3], data: new Float32Array(2) }],
    ["a shape of 2 elements, got [-1,-2]", { dtype: "F32", shape: [-1, -2], data: new Float32Array(2) }],
    [
      "a Float32Array for F32, got [object Float64Array]",
      { dtype: "F32", shape: [2], data: new Float64Array(2) } as never,
    ],
  ])("refuses to write what does not belong together: %s", (message, tensor) => {
    expect(() => encodeSafetensors({ tensors: { x: tensor } })).toThrow(`tensor "x": expected ${message}`);
  });

  test("refuses names and strings that would not come back", () => {
    const x: StoredTensor = { dtype: "U8", shape: [], data: Uint8Array.of(1) };
    expect(() => encodeSafetensors({ tensors: { __metadata__: x } })).toThrow("E_SAFETENSORS_TENSOR");
    expect(() => encodeSafetensors({ tensors: { "\ud800": x } })).toThrow("E_SAFETENSORS_TENSOR");
    expect(() => encodeSafetensors({ tensors: {}, metadata: { a: "\udc00" } })).toThrow("E_SAFETENSORS_TENSOR");
  });

  test("names a repeated key, also one that is spelled with escapes", () => {
    const x = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';
    const header = Buffer.from(`{"x":${x},"\\u0078":${x}}`);
    const file = Buffer.concat([Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]), header, Buffer.from([0])]);
    expect(() => decodeSafetensors(file, "f")).toThrow('f: expected every key once in an object, got "x" twice.');
  });
});

describe("numbers of stored tensors", () => {
  const word = (dtype: "F16" | "BF16", bits: number): StoredTensor => ({
    dtype,
    shape: [],
    data: Uint16Array.of(bits),
  });

  test.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x8000, -0],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ])("F16 %i is %d", (bits, value) => {
    expect(float32Of(word("F16", bits))).toEqual(Float32Array.of(value));
  });

  test.each([
    [0x3f80, 1],
    [0xc000, -2],
    [0x7f80, Number.POSITIVE_INFINITY],
    [0x0001, 2 ** -133],
    [0x8000, -0],
  ])("BF16 %i is %d", (bits, value) => {
    expect(float32Of(word("BF16", bits))).toEqual(Float32Array.of(value));
  });

  test("integers become exact float64 or an error", () => {
    const wide = (value: bigint): StoredTensor => ({ dtype: "I64", shape: [1], data: BigInt64Array.of(value) });
    expect(numbersOf(wide(-(2n ** 53n) + 1n))).toEqual(Float64Array.of(-(2 ** 53) + 1));
    expect(() => numbersOf(wide(2n ** 60n), "ids")).toThrow("ids: expected integers of at most 53 bits");
    expect(() => float32Of(wide(1n), "ids")).toThrow("E_TENSOR_DTYPE");
    expect(numbersOf({ dtype: "BOOL", shape: [2], data: Uint8Array.of(0, 1) })).toEqual(Float64Array.of(0, 1));
  });
});

function attempt<T>(action: () => T): { value?: T; error?: SeqlabError } {
  try {
    return { value: action() };
  } catch (error) {
    if (error instanceof SeqlabError) return { error };
    throw error;
  }
}
