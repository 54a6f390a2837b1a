import fc from "fast-check";
import { createRng } from "../ops/index.ts";
import { type DType, type Op, type Shape, sizeOf, type Tensor } from "../tensor/index.ts";

/** A fed operand. */
export interface Operand {
  shape: Shape;
  dtype: DType;
  values: readonly number[];
}

/** One application of an op to fed operands. */
export interface OpSample {
  operands: readonly Operand[];
  build: (inputs: readonly Tensor[]) => readonly Tensor[];
}

/** How an op is tried. */
export interface OpRow {
  /** Random shapes and attributes, axes of size 0 and 1 among them. */
  samples: fc.Arbitrary<OpSample>;
  /** "smooth": its gradient is that of the limit of differences wherever the samples lie; "none": it has no gradient. */
  gradient: "smooth" | "none";
  /** Number of operands where the op works element by element, NaN and infinities as IEEE 754 has it. */
  elementwise?: 1 | 2;
}

export type Range = readonly [low: number, high: number];

/** Uniform values of a stream; those of an axis that is compared should differ, and do. */
function draws(seed: number, size: number, [low, high]: Range): number[] {
  const rng = createRng(seed);
  return Array.from({ length: size }, () => low + (high - low) * rng.uniform());
}

/** A float operand with values in a range. */
export const floats = (shape: Shape, seed: number, range: Range = [-2, 2]): Operand => ({
  shape,
  dtype: "f32",
  values: draws(seed, sizeOf(shape), range),
});

/** Whole numbers from 0 to `below` − 1. */
export const indices = (shape: Shape, seed: number, below: number): Operand => ({
  shape,
  dtype: "i32",
  values: draws(seed, sizeOf(shape), [0, below]).map(Math.floor),
});

/** u32 words, or those below a bound. */
export const words = (shape: Shape, seed: number, below = 2 ** 32): Operand => ({
  ...indices(shape, seed, below),
  dtype: "u32",
});

export const truths = (shape: Shape, seed: number): Operand => ({ ...indices(shape, seed, 2), dtype: "bool" });

export const seeds = fc.integer({ min: 0, max: 2 ** 20 });
/** Sizes of axes; `least` 1 where an op has no value for none. */
export const size = (least = 0) => fc.integer({ min: least, max: 4 });

/** Shapes of some ranks. */
export const shapes = ({ least = 0, rank = [0, 3] as Range } = {}) =>
  fc.array(size(least), { minLength: rank[0], maxLength: rank[1] });

/** A shape with one of its axes. */
export const shapeAndAxis = ({ least = 0, rank = 3 } = {}) =>
  shapes({ least, rank: [1, rank] }).chain((shape) =>
    fc.record({ shape: fc.constant(shape), axis: fc.integer({ min: 0, max: shape.length - 1 }) }),
  );

/** `count` shapes that broadcast to one: axes become 1, leading ones are left out. */
export const broadcasting = (count: number, least = 0) =>
  shapes({ least }).chain((shape) =>
    fc
      .array(
        fc.record({ drop: fc.integer({ min: 0, max: shape.length }), ones: fc.array(fc.boolean(), { minLength: 3 }) }),
        { minLength: count, maxLength: count },
      )
      .map((cuts) => cuts.map(({ drop, ones }) => shape.map((dim, i) => (ones[i] ? 1 : dim)).slice(drop))),
  );

export const smooth = { gradient: "smooth" } as const;
export const none = { gradient: "none" } as const;

/** A row for each op of a list. */
export function rows<K extends Op>(ops: readonly K[], make: (op: K) => OpRow): { [P in K]: OpRow } {
  return Object.fromEntries(ops.map((op) => [op, make(op)])) as { [P in K]: OpRow };
}

/** Samples from what is drawn and a seed for values. */
export const of = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }, make: (drawn: T & { seed: number }) => OpSample) =>
  fc.record({ ...model, seed: seeds } as never).map((drawn) => make(drawn as T & { seed: number }));

/** Samples of one op along one axis of a float operand. */
export const axisSample = (
  build: (x: Tensor, axis: number, extra: number) => Tensor,
  options: Parameters<typeof shapeAndAxis>[0] = {},
): fc.Arbitrary<OpSample> =>
  of({ at: shapeAndAxis(options), extra: fc.integer({ min: 0, max: 3 }) }, ({ at: { shape, axis }, extra, seed }) => ({
    operands: [floats(shape, seed)],
    build: ([x]) => [build(x!, axis, extra)],
  }));
