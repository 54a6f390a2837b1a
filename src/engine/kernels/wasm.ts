/** A few words of WebAssembly's binary format: enough to write loops over 128-bit vectors. */
export const valueType = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = keyof typeof valueType;

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value & 0x7f;
    value >>>= 7;
    bytes.push(value === 0 ? low : low | 0x80);
  } while (value !== 0);
  return bytes;
}

/** Signed LEB128. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = value & 0x7f;
    value >>= 7;
    if ((value === 0 && (low & 0x40) === 0) || (value === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const simd = (opcode: number, ...operands: number[]) => [0xfd, ...unsigned(opcode), ...operands];

/** Instructions as bytes. Memory offsets are 0: addresses are computed by the caller. */
export const wasm = {
  localGet: (index: number) => [0x20, ...unsigned(index)],
  localSet: (index: number) => [0x21, ...unsigned(index)],
  i32Const: (value: number) => [0x41, ...signed(value)],
  i32Add: [0x6a],
  i32LtUnsigned: [0x49],
  f32Const: (value: number) => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)],
  f64Add: [0xa0],
  /** Repeats the body while the i32 it leaves on the stack is not 0; the body runs at least once. */
  doWhile: (body: readonly number[]) => [0x03, 0x40, ...body, 0x0d, 0x00, 0x0b],
  /** Runs the body if the i32 on the stack is not 0. */
  when: (body: readonly number[]) => [0x04, 0x40, ...body, 0x0b],
  load: simd(0x00, 2, 0),
  /** Two floats into the low half. */
  loadPair: simd(0x5d, 2, 0),
  store: simd(0x0b, 2, 0),
  splat: simd(0x13),
  equal: simd(0x41),
  less: simd(0x43),
  greater: simd(0x44),
  lessEqual: simd(0x45),
  not: simd(0x4d),
  and: simd(0x4e),
  or: simd(0x50),
  xor: simd(0x51),
  select: simd(0x52),
  abs: simd(0xe0),
  neg: simd(0xe1),
  sqrt: simd(0xe3),
  add: simd(0xe4),
  sub: simd(0xe5),
  mul: simd(0xe6),
  div: simd(0xe7),
  min: simd(0xe8),
  max: simd(0xe9),
  /** The two low floats as doubles. */
  promote: simd(0x5f),
  addDoubles: simd(0xf0),
  mulDoubles: simd(0xf2),
  lane: (index: number) => simd(0x21, index),
};

export interface WasmFunction {
  name: string;
  params: readonly ValueType[];
  results: readonly ValueType[];
  locals: readonly ValueType[];
  body: readonly number[];
}

const vector = (items: readonly (readonly number[])[]) => [...unsigned(items.length), ...items.flat()];
const section = (id: number, bytes: readonly number[]) => [id, ...unsigned(bytes.length), ...bytes];
const text = (value: string) => vector([...new TextEncoder().encode(value)].map((byte) => [byte]));
const types = (list: readonly ValueType[]) => vector(list.map((type) => [valueType[type]]));

/** A module that imports `env.memory` and exports these functions. */
export function wasmModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const code = functions.map(({ locals, body }) => {
    const bytes = [...vector(locals.map((type) => [1, valueType[type]])), ...body, 0x0b];
    return [...unsigned(bytes.length), ...bytes];
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector(functions.map(({ params, results }) => [0x60, ...types(params), ...types(results)]))),
    ...section(2, vector([[...text("env"), ...text("memory"), 0x02, 0x00, 0x00]])),
    ...section(3, vector(functions.map((_, index) => unsigned(index)))),
    ...section(7, vector(functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]))),
    ...section(10, vector(code)),
  ]);
}
