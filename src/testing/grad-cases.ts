import { decayScan } from "../ops/index.ts";
import {
  apply1,
  concat,
  constant,
  conv,
  customGradient,
  gelu,
  iota,
  layerNorm,
  type Op,
  rmsNorm,
  type Shape,
  scalar,
  silu,
  softmaxCrossEntropy,
  sort,
  unaryOps,
  unitLowerInverse,
  where,
} from "../tensor/index.ts";
import type { GradCase } from "./grad-case.ts";
import { scanCases } from "./scan-cases.ts";

const ids = (values: readonly number[], shape: Shape) => constant(values, shape, "i32");

const ranges: Partial<Record<(typeof unaryOps)[number], readonly [number, number]>> = {
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

const unary: GradCase[] = unaryOps.map((op) => ({
  name: op,
  inputs: [[2, 3]],
  ...(ranges[op] && { range: ranges[op] }),
  build: ([x]) => apply1(op, [x!], {}),
}));

/** At least one case per op of the vocabulary that has a gradient. */
export const gradCases: readonly GradCase[] = [
  ...unary,
  {
    name: "add broadcast",
    inputs: [
      [2, 1, 3],
      [4, 1],
    ],
    build: ([a, b]) => a!.add(b!),
  },
  { name: "sub", inputs: [[2, 3], [3]], build: ([a, b]) => a!.sub(b!) },
  {
    name: "mul",
    inputs: [
      [2, 3],
      [2, 1],
    ],
    build: ([a, b]) => a!.mul(b!),
  },
  { name: "mul by itself", inputs: [[2, 3]], build: ([a]) => a!.mul(a!) },
  { name: "div", inputs: [[2, 3], [3]], range: [0.5, 2], build: ([a, b]) => a!.div(b!) },
  { name: "pow", inputs: [[2, 3], [3]], range: [0.5, 2], build: ([a, b]) => a!.pow(b!) },
  { name: "pow of a number", inputs: [[2, 3]], build: ([a]) => a!.pow(3) },
  { name: "maximum", inputs: [[2, 3], [3]], build: ([a, b]) => a!.maximum(b!) },
  { name: "minimum", inputs: [[2, 3], [3]], build: ([a, b]) => a!.minimum(b!) },
  { name: "mod", inputs: [[2, 3], [3]], range: [1.1, 1.9], build: ([a, b]) => a!.mul(2.5).mod(b!) },
  { name: "where", inputs: [[2, 3], [3]], build: ([a, b]) => where(a!.less(b!), a!.mul(2), b!) },
  { name: "cast", inputs: [[2, 3]], build: ([a]) => a!.mul(a!.greater(0).cast("f32")) },
  { name: "reduceSum", inputs: [[2, 3, 4]], build: ([a]) => a!.sum([0, 2]) },
  { name: "reduceMax", inputs: [[2, 3, 4]], build: ([a]) => a!.max(1) },
  { name: "reduceMin", inputs: [[2, 3, 4]], build: ([a]) => a!.min(-1, true) },
  { name: "reduceProd", inputs: [[2, 3, 2]], build: ([a]) => a!.prod([0, 2]) },
  {
    name: "reduceProd with a zero",
    inputs: [[2, 3]],
    build: ([a]) => a!.mul(constant([0, 1, 1, 1, 1, 1], [2, 3])).prod(1),
  },
  {
    name: "matmul",
    inputs: [
      [2, 3, 4],
      [4, 5],
    ],
    build: ([a, b]) => a!.matmul(b!),
  },
  {
    name: "matmul transA",
    inputs: [
      [2, 4, 3],
      [2, 4, 5],
    ],
    build: ([a, b]) => a!.matmul(b!, { transA: true, alpha: 0.5 }),
  },
  {
    name: "matmul transB",
    inputs: [
      [2, 3, 4],
      [5, 4],
    ],
    build: ([a, b]) => a!.matmul(b!, { transB: true, alpha: 2 }),
  },
  {
    name: "matmul both",
    inputs: [
      [4, 3],
      [2, 5, 4],
    ],
    build: ([a, b]) => a!.matmul(b!, { transA: true, transB: true }),
  },
  {
    name: "matmul broadcast batch",
    inputs: [
      [2, 1, 3, 4],
      [3, 4, 2],
    ],
    build: ([a, b]) => a!.matmul(b!),
  },
  { name: "reshape", inputs: [[2, 6]], build: ([a]) => a!.reshape([3, -1]) },
  { name: "transpose", inputs: [[2, 3, 4]], build: ([a]) => a!.transpose([2, 0, 1]) },
  { name: "expand", inputs: [[2, 1]], build: ([a]) => a!.expand([3, 2, 4]) },
  {
    name: "concat",
    inputs: [
      [2, 3],
      [2, 1],
    ],
    build: ([a, b]) => concat(1, [a!, b!, a!]),
  },
  { name: "slice", inputs: [[4, 5]], build: ([a]) => a!.slice(0, 1, 3).slice(1, 0, 5, 2) },
  { name: "slice with a remainder", inputs: [[6]], build: ([a]) => a!.slice(0, 1, 5, 3) },
  { name: "pad", inputs: [[2, 3]], build: ([a]) => a!.pad(1, 2, 1, 0.5) },
  { name: "flip", inputs: [[2, 3]], build: ([a]) => a!.flip(1) },
  { name: "gather", inputs: [[4, 3]], build: ([a]) => a!.gather(0, ids([1, 3, 1, 0, 1, 2], [2, 3])) },
  { name: "gather inner axis", inputs: [[2, 4, 3]], build: ([a]) => a!.gather(1, ids([3, 0, 3], [3])) },
  { name: "gatherElements", inputs: [[2, 4]], build: ([a]) => a!.gatherElements(1, ids([3, 0, 3, 1, 1, 2], [2, 3])) },
  {
    name: "scatterAdd",
    inputs: [
      [2, 4],
      [2, 3],
    ],
    build: ([a, b]) => a!.scatterAdd(1, ids([3, 0, 3, 1, 1, 2], [2, 3]), b!),
  },
  { name: "topk", inputs: [[2, 5]], build: ([a]) => a!.topk(1, 3).values },
  { name: "sort", inputs: [[5, 2]], build: ([a]) => sort(a!, 0).values },
  { name: "cumsum", inputs: [[2, 4]], build: ([a]) => a!.cumsum(1) },
  {
    name: "cumsum exclusive reverse",
    inputs: [[2, 4]],
    build: ([a]) => a!.cumsum(1, { exclusive: true, reverse: true }),
  },
  {
    name: "conv",
    inputs: [
      [2, 4, 7],
      [6, 2, 3],
    ],
    build: ([x, w]) => conv(x!, w!, { groups: 2, strides: [2], pads: [[2], [1]] }),
  },
  {
    name: "conv dilated, two axes",
    inputs: [
      [2, 2, 6, 5],
      [3, 2, 2, 2],
    ],
    build: ([x, w]) =>
      conv(x!, w!, {
        dilations: [2, 1],
        pads: [
          [1, 0],
          [0, 1],
        ],
      }),
  },
  {
    name: "convTranspose",
    inputs: [
      [2, 4, 3],
      [4, 2, 3],
    ],
    build: ([g, w]) =>
      apply1("convTranspose", [g!, w!], { groups: 2, strides: [2], dilations: [1], pads: [[1], [0]], output: [7] }),
  },
  {
    name: "gradients of a split",
    inputs: [[2, 7]],
    build: ([x]) => {
      const [a, b, c] = x!.split(1, [2, 3, 2]);
      return concat(1, [a!.exp(), c!.mul(a!), b!.tanh()]);
    },
  },
  { name: "stopGradient", inputs: [[2, 3]], build: ([a]) => a!.mul(a!.stopGradient().mul(0)).add(a!.square()) },
  ...scanCases,
  {
    name: "custom",
    inputs: [[2, 3], [3]],
    build: ([a, b]) =>
      customGradient([a!.sin(), b!], {
        forward: ([x, y]) => x!.mul(y!).exp(),
        backward: ({ inputs: [x, y], y: e, g }) => [g.mul(e).mul(y!), g.mul(e).mul(x!).sum(0)],
      }),
  },
  {
    name: "linearAttention, queries and keys of one tensor",
    inputs: [
      [2, 3, 1, 5],
      [4, 2, 1, 5],
      [4, 1, 5],
      [1, 4, 2, 3],
    ],
    build: ([x, v_HVBT, rates, S_BHVK]) => {
      const k_GKBT = x!.mul(0.5);
      const logDecay_HBT = rates!.square().neg();
      const { o_HVBT, S_BHVK: S } = decayScan({
        q_GKBT: k_GKBT,
        k_GKBT,
        v_HVBT: v_HVBT!,
        logDecay_HBT,
        S_BHVK: S_BHVK!,
        chunk: 2,
      });
      return o_HVBT.sin().sum().add(S.square().sum());
    },
  },
  { name: "softmax", inputs: [[2, 4, 3]], build: ([a]) => a!.softmax(1) },
  { name: "logSoftmax", inputs: [[2, 4]], build: ([a]) => a!.logSoftmax() },
  { name: "layerNorm", inputs: [[2, 3, 4], [4], [4]], build: ([x, g, b]) => layerNorm(x!, g!, b!) },
  {
    name: "layerNorm, wide gain",
    inputs: [
      [2, 3, 4],
      [3, 4],
      [3, 4],
    ],
    build: ([x, g, b]) => layerNorm(x!, g!, b!),
  },
  { name: "rmsNorm", inputs: [[2, 3, 4], [4]], build: ([x, g]) => rmsNorm(x!, g!) },
  { name: "gelu", inputs: [[2, 3]], build: ([x]) => gelu(x!) },
  { name: "gelu tanh", inputs: [[2, 3]], build: ([x]) => gelu(x!, "tanh") },
  { name: "silu", inputs: [[2, 3]], build: ([x]) => silu(x!) },
  { name: "softmaxCrossEntropy", inputs: [[3, 4]], build: ([x]) => softmaxCrossEntropy(x!, ids([2, 0, 2], [3])) },
  { name: "unitLowerInverse", inputs: [[2, 5, 5]], build: ([a]) => unitLowerInverse(a!) },
  {
    name: "second use accumulates",
    inputs: [[3]],
    build: ([a]) =>
      a!
        .exp()
        .add(a!.mul(a!.sin()))
        .add(iota(3, "f32").mul(scalar(2)).mul(a!)),
  },
];

/** Ops that carry no gradient: nothing to check. */
export const opsWithoutGradient: readonly Op[] = [
  "less",
  "lessEqual",
  "equal",
  "and",
  "or",
  "xor",
  "not",
  "isNaN",
  "bitAnd",
  "bitOr",
  "bitXor",
  "shiftRight",
  "shiftLeft",
  "argmax",
  "input",
  "constant",
];
