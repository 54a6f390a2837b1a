/** Element types a graph may hold. Floats are f32 on native engines and f64 on the reference engine. */
export type DType = "f32" | "i32" | "u32" | "bool";

/** Sizes per axis, outermost first; [] is a scalar. */
export type Shape = readonly number[];

/** Array that carries a tensor's elements in row-major order across an engine's boundary (bool as 0 or 1). */
export interface ArrayOf {
  f32: Float32Array | Float64Array;
  i32: Int32Array;
  u32: Uint32Array;
  bool: Uint8Array;
}

export type TensorData = ArrayOf[DType];

/** Bytes of one element in native storage. */
export const bytesPer: Readonly<Record<DType, number>> = { f32: 4, i32: 4, u32: 4, bool: 1 };

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}
