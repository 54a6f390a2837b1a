/**
 * The element types that safetensors files hold here, and what JavaScript holds them in.
 * Half floats stay raw 16-bit words until someone asks for numbers.
 */
import { fail } from "../tensor/error.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half.ts";

/** Bytes an element and array class of each dtype, in the order in which files lay tensors out (largest first). */
export const storedDtypes = {
  U64: { bytes: 8, array: BigUint64Array },
  I64: { bytes: 8, array: BigInt64Array },
  F64: { bytes: 8, array: Float64Array },
  F32: { bytes: 4, array: Float32Array },
  U32: { bytes: 4, array: Uint32Array },
  I32: { bytes: 4, array: Int32Array },
  BF16: { bytes: 2, array: Uint16Array },
  F16: { bytes: 2, array: Uint16Array },
  U16: { bytes: 2, array: Uint16Array },
  I16: { bytes: 2, array: Int16Array },
  I8: { bytes: 1, array: Int8Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
} as const;

interface DataOf {
  U64: BigUint64Array;
  I64: BigInt64Array;
  F64: Float64Array;
  F32: Float32Array;
  U32: Uint32Array;
  I32: Int32Array;
  BF16: Uint16Array;
  F16: Uint16Array;
  U16: Uint16Array;
  I16: Int16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

export type StoredDtype = keyof typeof storedDtypes;

/** A tensor as files hold it: row-major, shape `[]` is one number. F16 and BF16 are raw words: see {@link numbersOf}. */
export type StoredTensor<D extends StoredDtype = StoredDtype> = {
  [K in D]: { dtype: K; shape: readonly number[]; data: DataOf[K] };
}[D];

export type StoredTensors = Readonly<Record<string, StoredTensor>>;

export const isStoredDtype = (name: unknown): name is StoredDtype =>
  typeof name === "string" && Object.hasOwn(storedDtypes, name);

/**
 * The values of a floating tensor as float32: exact for F32, F16 and BF16, rounded to nearest for F64.
 * F32 returns the tensor's own array. Throws `E_TENSOR_DTYPE` for integers.
 */
export function float32Of(tensor: StoredTensor, where = "tensor"): Float32Array {
  if (tensor.dtype === "F32") return tensor.data;
  if (tensor.dtype === "F64") return Float32Array.from(tensor.data);
  if (tensor.dtype === "F16") return float16ToFloat32(tensor.data);
  if (tensor.dtype === "BF16") return bfloat16ToFloat32(tensor.data);
  return fail({ code: "E_TENSOR_DTYPE", where, expected: "F64, F32, F16 or BF16", got: tensor.dtype });
}

/** The values of any tensor as float64, exactly. Throws `E_TENSOR_DTYPE` where a 64-bit integer is beyond 2^53. */
export function numbersOf(tensor: StoredTensor, where = "tensor"): Float64Array {
  if (tensor.dtype === "F64") return tensor.data;
  if (tensor.dtype === "I64" || tensor.dtype === "U64") return Float64Array.from(tensor.data, (v) => exact(v, where));
  if (tensor.dtype === "F16" || tensor.dtype === "BF16") return Float64Array.from(float32Of(tensor));
  return Float64Array.from(tensor.data);
}

function exact(value: bigint, where: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  return fail({ code: "E_TENSOR_DTYPE", where, expected: "integers of at most 53 bits", got: String(value) });
}
