import type { Tensor as OrtTensor } from "onnxruntime-web";
import type { DType, Shape, TensorData } from "../../tensor/index.ts";
import type { Runtime } from "./runtime.ts";

const ortType = { f32: "float32", i32: "int32", u32: "uint32", bool: "bool" } as const;
const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array } as const;

/** A value with memory of its own: what the caller does with the array later does not matter, nor whether it is shared. */
export function toOrt(ort: Runtime, data: ArrayLike<number>, type: { shape: Shape; dtype: DType }): OrtTensor {
  return new ort.Tensor(ortType[type.dtype], arrays[type.dtype].from(data) as Float32Array, type.shape);
}

/** The elements, fetched from the GPU where they lie there; the tensor has them on the CPU from then on. */
export async function dataOf(tensor: OrtTensor): Promise<TensorData> {
  return (await tensor.getData(true)) as TensorData;
}

/** Frees the GPU memory of values that nothing refers to any more. */
export function release(tensors: Iterable<OrtTensor>, kept: Iterable<OrtTensor> = []): void {
  const held = new Set(kept);
  for (const tensor of new Set(tensors)) if (!held.has(tensor) && tensor.location !== "none") tensor.dispose();
}
