import fc from "fast-check";
import {
  apply,
  apply1,
  type BinaryOp,
  type BitOp,
  binaryOps,
  bitOps,
  type CompareOp,
  compareOps,
  constant,
  type DType,
  type LogicOp,
  logicOps,
  type Op,
  type UnaryOp,
  unaryOps,
} from "../tensor/index.ts";
import {
  broadcasting,
  floats,
  indices,
  none,
  type Operand,
  type OpRow,
  of,
  type Range,
  rows,
  seeds,
  shapes,
  smooth,
  truths,
  words,
} from "./op-samples.fixture.ts";

/** A row whose samples are one op with no attributes, over operands of these shapes. */
const plain = (op: Op, operands: fc.Arbitrary<readonly Operand[]>, rest: Omit<OpRow, "samples">): OpRow => ({
  samples: operands.map((list) => ({ operands: list, build: (inputs) => apply(op, inputs, {}) })),
  ...rest,
});
/** Where each function is smooth and its values are moderate. */
const domains: Partial<Record<UnaryOp, Range>> = {
  log: [0.3, 3],
  sqrt: [0.3, 3],
  reciprocal: [0.5, 2],
  tan: [-1, 1],
  asin: [-0.8, 0.8],
  acos: [-0.8, 0.8],
  acosh: [1.3, 3],
  atanh: [-0.8, 0.8],
  abs: [0.1, 2],
  sign: [0.1, 2],
  floor: [0.1, 0.9],
  ceil: [0.1, 0.9],
  round: [0.1, 0.4],
};

const unaryRow = (op: UnaryOp): OpRow =>
  plain(
    op,
    fc.record({ shape: shapes(), seed: seeds }).map(({ shape, seed }) => [floats(shape, seed, domains[op])]),
    { ...smooth, elementwise: 1 },
  );

/** Remainders keep away from the whole quotients at which they jump. */
const binaryRanges: Partial<Record<BinaryOp, [Range, Range]>> = {
  div: [
    [-2, 2],
    [0.5, 2],
  ],
  pow: [
    [0.5, 2],
    [-2, 2],
  ],
  mod: [
    [2.1, 2.9],
    [1.1, 1.9],
  ],
};

const pairs = (make: (shapes: readonly number[][], seed: number) => readonly Operand[]) =>
  fc.record({ list: broadcasting(2), seed: seeds }).map(({ list, seed }) => make(list, seed));

const binaryRow = (op: BinaryOp): OpRow => {
  const [left, right] = binaryRanges[op] ?? [undefined, undefined];
  return plain(
    op,
    pairs(([a, b], seed) => [floats(a!, seed, left), floats(b!, seed + 1, right)]),
    { ...smooth, elementwise: 2 },
  );
};

/** Ops that take each element by itself, broadcast, and leaves. */
export const elementwiseRows = {
  ...rows<UnaryOp>(unaryOps, unaryRow),
  ...rows<BinaryOp>(binaryOps, binaryRow),
  ...rows<CompareOp>(compareOps, (op) =>
    plain(
      op,
      pairs(([a, b], seed) => [floats(a!, seed), floats(b!, seed + 1)]),
      { ...none, elementwise: 2 },
    ),
  ),
  ...rows<LogicOp>(logicOps, (op) =>
    plain(
      op,
      pairs(([a, b], seed) => [truths(a!, seed), truths(b!, seed + 1)]),
      none,
    ),
  ),
  ...rows<BitOp>(bitOps, (op) =>
    plain(
      op,
      pairs(([a, b], seed) => [words(a!, seed), words(b!, seed + 1, op.startsWith("shift") ? 32 : 2 ** 32)]),
      none,
    ),
  ),
  input: {
    samples: of({ shape: shapes() }, ({ shape, seed }) => ({ operands: [floats(shape, seed)], build: (x) => x })),
    ...smooth,
  },
  constant: {
    samples: of({ shape: shapes() }, ({ shape, seed }) => ({
      operands: [floats([], seed)],
      build: ([x]) => [x!.mul(constant(floats(shape, seed + 1).values, shape))],
    })),
    ...smooth,
  },
  not: {
    samples: of({ shape: shapes() }, ({ shape, seed }) => ({
      operands: [truths(shape, seed)],
      build: ([x]) => [x!.not()],
    })),
    ...none,
  },
  isNaN: plain(
    "isNaN",
    fc.record({ shape: shapes(), seed: seeds }).map(({ shape, seed }) => [floats(shape, seed)]),
    {
      ...none,
      elementwise: 1,
    },
  ),
  cast: {
    samples: of(
      {
        shape: shapes(),
        from: fc.constantFrom<DType>("f32", "i32", "u32", "bool"),
        to: fc.constantFrom<DType>("f32", "i32", "u32", "bool"),
      },
      ({ shape, from, to, seed }) => ({
        // Float to unsigned is defined for numbers that fit only.
        operands: [
          { ...floats(shape, seed, [0, 9]), dtype: from, values: indices(shape, seed, from === "bool" ? 2 : 9).values },
        ],
        build: ([x]) => [apply1("cast", [x!], { to })],
      }),
    ),
    ...none,
  },
  stopGradient: {
    samples: of({ shape: shapes() }, ({ shape, seed }) => ({
      operands: [floats(shape, seed)],
      build: ([x]) => [x!.stopGradient()],
    })),
    ...none,
  },
  where: {
    samples: of({ list: broadcasting(3) }, ({ list: [c, a, b], seed }) => ({
      operands: [truths(c!, seed), floats(a!, seed + 1), floats(b!, seed + 2)],
      build: (inputs) => apply("where", inputs, {}),
    })),
    ...smooth,
  },
};
