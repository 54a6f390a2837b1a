import { createRng, fnv1a } from "../ops/index.ts";
import { type Shape, sizeOf, stridesOf } from "../tensor/index.ts";

/** Numbers in row-major order with their shape. */
export interface NdArray {
  readonly shape: Shape;
  readonly data: Float64Array;
}

export type Arrays = Readonly<Record<string, NdArray>>;

/** Nested plain arrays of any depth; a bare number is a scalar. */
export type Nested = number | readonly Nested[];

/**
 * Nested arrays as naive references read them. Their depth is known to the author, not to the compiler, so an element
 * may be used both as a number and as a further array.
 */
export type Loose = number & LooseArray;
interface LooseArray extends Array<Loose> {}

/** Standard normal numbers times `scale`, the same ones for the same label; multiples of 2⁻²⁰, hence exact in f32. */
export function randomNormal(label: string, shape: Shape, scale = 1): NdArray {
  const rng = createRng(fnv1a(label));
  const draw = () => Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
  return {
    shape,
    data: Float64Array.from({ length: sizeOf(shape) }, () => Math.round(draw() * scale * 2 ** 20) / 2 ** 20),
  };
}

/** Uniform numbers in [low, high), the same ones for the same label; exact in f32 as above. */
export function randomUniform(label: string, shape: Shape, [low, high]: readonly [number, number] = [0, 1]): NdArray {
  const rng = createRng(fnv1a(label));
  const draw = () => Math.round((low + (high - low) * rng.uniform()) * 2 ** 20) / 2 ** 20;
  return { shape, data: Float64Array.from({ length: sizeOf(shape) }, draw) };
}

/** Elementwise map of one array, or of two of equal shape. */
export function mapArray({ shape, data }: NdArray, f: (x: number, i: number) => number): NdArray {
  return { shape, data: data.map(f) };
}

export function mapArrays<T>(arrays: Readonly<Record<string, T>>, f: (array: T, name: string) => NdArray): Arrays {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, f(array, name)]));
}

/** Index along every axis of an element, outermost first. */
export function indexOf(shape: Shape, element: number): number[] {
  return stridesOf(shape).map((stride, axis) => Math.floor(element / stride) % shape[axis]!);
}

/** Start to end of one axis. */
export function sliceArray({ shape, data }: NdArray, axis: number, start: number, end: number): NdArray {
  const inner = sizeOf(shape.slice(axis + 1));
  const [dim, outer] = [shape[axis]!, sizeOf(shape.slice(0, axis))];
  const rows = Array.from({ length: outer }, (_, i) =>
    data.subarray((i * dim + start) * inner, (i * dim + end) * inner),
  );
  return { shape: shape.with(axis, end - start), data: Float64Array.from(rows.flatMap((row) => [...row])) };
}

export function nest({ shape, data }: NdArray): Loose {
  const build = (axis: number, start: number): Nested => {
    if (axis === shape.length) return data[start]!;
    const inner = sizeOf(shape.slice(axis + 1));
    return Array.from({ length: shape[axis]! }, (_, i) => build(axis + 1, start + i * inner));
  };
  return build(0, 0) as Loose;
}

/** Row-major numbers of nested arrays; ragged ones give a shape that does not fit and fail where they are compared. */
export function flatten(nested: Nested): NdArray {
  const shape: number[] = [];
  for (let level = nested; typeof level !== "number"; level = level[0] ?? 0) shape.push(level.length);
  const leaves = (part: Nested): number[] => (typeof part === "number" ? [part] : part.flatMap(leaves));
  return { shape, data: Float64Array.from(leaves(nested)) };
}
