import fc from "fast-check";
import { apply, apply1, concat, type ReduceOp, reduceOps } from "../tensor/index.ts";
import {
  axisSample,
  broadcasting,
  floats,
  indices,
  none,
  type OpRow,
  of,
  rows,
  seeds,
  shapeAndAxis,
  shapes,
  size,
  smooth,
} from "./op-samples.fixture.ts";

/** Empty maxima have no value on native engines. */
const leastOf = (op: ReduceOp) => (op === "reduceMax" || op === "reduceMin" ? 1 : 0);

const reduceRow = (op: ReduceOp): OpRow => ({
  samples: fc
    .record({
      at: shapeAndAxis({ least: leastOf(op) }),
      more: fc.array(fc.boolean(), { minLength: 3 }),
      keep: fc.boolean(),
      seed: seeds,
    })
    .map(({ at: { shape, axis }, more, keep, seed }) => {
      const axes = shape.flatMap((_, i) => (i === axis || more[i] ? [i] : []));
      return { operands: [floats(shape, seed)], build: ([x]) => [apply1(op, [x!], { axes, keep })] };
    }),
  ...smooth,
});

const gatherSample = (op: "gather" | "gatherElements") =>
  of(
    { at: shapeAndAxis({ least: 1 }), count: size(), square: fc.boolean() },
    ({ at: { shape, axis }, count, square, seed }) => ({
      operands: [
        floats(shape, seed),
        op === "gather"
          ? indices(square ? [count, 2] : [count], seed + 1, shape[axis]!)
          : indices(shape.with(axis, count), seed + 1, shape[axis]!),
      ],
      build: ([x, i]) => [apply1(op, [x!, i!], { axis })],
    }),
  );

/** Reductions, searches, and ops that move elements. */
export const layoutRows = {
  ...rows<ReduceOp>(reduceOps, reduceRow),
  reshape: {
    samples: of({ shape: shapes(), ones: fc.boolean() }, ({ shape, ones, seed }) => ({
      operands: [floats(shape, seed)],
      build: ([x]) => [apply1("reshape", [x!], { shape: ones ? [1, ...shape.toReversed()] : [x!.size, 1] })],
    })),
    ...smooth,
  },
  transpose: {
    samples: of(
      { shape: shapes(), turn: fc.integer({ min: 0, max: 2 }), back: fc.boolean() },
      ({ shape, turn, back, seed }) => {
        const axes = shape.map((_, i) => (i + turn) % shape.length);
        return {
          operands: [floats(shape, seed)],
          build: ([x]) => [apply1("transpose", [x!], { perm: back ? axes.toReversed() : axes })],
        };
      },
    ),
    ...smooth,
  },
  expand: {
    samples: of({ list: broadcasting(1), more: shapes({ rank: [0, 1] }) }, ({ list: [from], more, seed }) => ({
      operands: [floats(from!, seed)],
      build: ([x]) => [apply1("expand", [x!], { shape: [...more, ...from!.map((dim) => (dim === 1 ? 3 : dim))] })],
    })),
    ...smooth,
  },
  concat: {
    samples: of(
      { at: shapeAndAxis(), lengths: fc.array(size(), { minLength: 1, maxLength: 3 }) },
      ({ at: { shape, axis }, lengths, seed }) => ({
        operands: lengths.map((length, i) => floats(shape.with(axis, length), seed + i)),
        build: (inputs) => [inputs.length === 1 ? apply1("concat", inputs, { axis }) : concat(axis, inputs)],
      }),
    ),
    ...smooth,
  },
  slice: {
    samples: of(
      { shape: shapes({ rank: [1, 3] }), cuts: fc.array(fc.tuple(size(), size(), size(1)), { minLength: 3 }) },
      ({ shape, cuts, seed }) => {
        const starts = shape.map((dim, i) => Math.min(dim, cuts[i]![0]));
        const ends = shape.map((dim, i) => Math.min(dim, starts[i]! + cuts[i]![1]));
        const steps = shape.map((_, i) => cuts[i]![2]);
        return { operands: [floats(shape, seed)], build: ([x]) => [apply1("slice", [x!], { starts, ends, steps })] };
      },
    ),
    ...smooth,
  },
  pad: {
    samples: of(
      {
        shape: shapes({ rank: [1, 3] }),
        room: fc.array(fc.tuple(size(), size()), { minLength: 3 }),
        value: fc.constantFrom(0, 1.5),
      },
      ({ shape, room, value, seed }) => ({
        operands: [floats(shape, seed)],
        build: ([x]) => [
          apply1("pad", [x!], {
            before: shape.map((_, i) => room[i]![0]),
            after: shape.map((_, i) => room[i]![1]),
            value,
          }),
        ],
      }),
    ),
    ...smooth,
  },
  flip: {
    samples: of({ at: shapeAndAxis(), all: fc.boolean() }, ({ at: { shape, axis }, all, seed }) => ({
      operands: [floats(shape, seed)],
      build: ([x]) => [apply1("flip", [x!], { axes: all ? shape.map((_, i) => i) : [axis] })],
    })),
    ...smooth,
  },
  gather: { samples: gatherSample("gather"), ...smooth },
  gatherElements: { samples: gatherSample("gatherElements"), ...smooth },
  scatterAdd: {
    samples: of({ at: shapeAndAxis({ least: 1 }), count: size() }, ({ at: { shape, axis }, count, seed }) => ({
      operands: [
        floats(shape, seed),
        indices(shape.with(axis, count), seed + 1, shape[axis]!),
        floats(shape.with(axis, count), seed + 2),
      ],
      build: ([x, i, u]) => [x!.scatterAdd(axis, i!, u!)],
    })),
    ...smooth,
  },
  argmax: { samples: axisSample((x, axis) => x.argmax(axis), { least: 1 }), ...none },
  topk: {
    samples: of(
      { at: shapeAndAxis({ least: 1 }), k: size(1), largest: fc.boolean() },
      ({ at: { shape, axis }, k, largest, seed }) => ({
        operands: [floats(shape, seed)],
        build: ([x]) => apply("topk", [x!], { axis, k: Math.min(k, shape[axis]!), largest }),
      }),
    ),
    ...smooth,
  },
  cumsum: {
    samples: axisSample((x, axis, n) => x.cumsum(axis, { exclusive: n % 2 === 1, reverse: n > 1 })),
    ...smooth,
  },
};
