import { type DType, type Shape, sameShape, sizeOf } from "./dtype.ts";
import { fail } from "./error.ts";
import type { Tensor, TensorType } from "./tensor.ts";
import {
  type BinaryOp,
  type BitOp,
  binaryOps,
  bitOps,
  type CompareOp,
  compareOps,
  type LogicOp,
  logicOps,
  type Op,
  type OpAttrs,
  type RecordedBody,
  type ReduceOp,
  reduceOps,
  type UnaryOp,
  unaryOps,
} from "./vocabulary.ts";

type ShapeRule<K extends Op> = (inputs: readonly Tensor[], attrs: OpAttrs[K]) => TensorType[];

const show = (shape: Shape) => `[${shape.join(", ")}]`;

/** Numpy's rule: axes align at the end, sizes agree or one of them is 1. Throws E_SHAPE. */
export function broadcastShapes(where: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      fail({ code: "E_SHAPE", where, expected: "shapes that broadcast", got: `${show(a)} and ${show(b)}` });
    return x === 1 ? y : x;
  });
}

function expectDType(where: string, tensor: Tensor, allowed: readonly DType[]): void {
  if (!allowed.includes(tensor.dtype))
    fail({ code: "E_DTYPE", where, expected: allowed.join(" or "), got: tensor.dtype });
}

function elementwise(where: string, [a, b]: readonly Tensor[], inputs: readonly DType[], output?: DType): TensorType[] {
  expectDType(where, a!, inputs);
  if (a!.dtype !== b!.dtype)
    fail({ code: "E_DTYPE", where, expected: `two ${a!.dtype}`, got: `${a!.dtype} and ${b!.dtype}` });
  return [{ shape: broadcastShapes(where, a!.shape, b!.shape), dtype: output ?? a!.dtype }];
}

/** A rule for each op of a list, made from its name. */
function rows<K extends Op>(ops: readonly K[], make: (op: K) => ShapeRule<K>): { [P in K]: ShapeRule<P> } {
  return Object.fromEntries(ops.map((op) => [op, make(op)])) as unknown as { [P in K]: ShapeRule<P> };
}

const recordedShapes = (_: readonly Tensor[], { body }: { body: RecordedBody }): TensorType[] =>
  body.outputs.map(({ shape, dtype }) => ({ shape, dtype }));

const numbers = ["f32", "i32", "u32"] as const;
const integers = ["i32", "u32"] as const;
const like: (inputs: readonly Tensor[]) => TensorType[] = ([x]) => [{ shape: x!.shape, dtype: x!.dtype }];

function matmulShape([a, b]: readonly Tensor[], { transA, transB }: OpAttrs["matmul"]): TensorType[] {
  const where = "matmul";
  if (a!.rank < 2 || b!.rank < 2)
    fail({
      code: "E_SHAPE",
      where,
      expected: "two factors of rank 2 or more",
      got: `${show(a!.shape)} and ${show(b!.shape)}`,
    });
  expectDType(where, a!, ["f32"]);
  const [m, k] = transA ? [a!.dim(-1), a!.dim(-2)] : [a!.dim(-2), a!.dim(-1)];
  const [k2, n] = transB ? [b!.dim(-1), b!.dim(-2)] : [b!.dim(-2), b!.dim(-1)];
  if (k !== k2)
    fail({ code: "E_SHAPE", where, expected: "equal inner sizes", got: `${show(a!.shape)} and ${show(b!.shape)}` });
  return [{ shape: [...broadcastShapes(where, a!.shape.slice(0, -2), b!.shape.slice(0, -2)), m, n], dtype: "f32" }];
}

/** Spatial output size of a convolution along one axis. */
export function convSize(input: number, kernel: number, stride: number, dilation: number, pads: number): number {
  return Math.floor((input + pads - dilation * (kernel - 1) - 1) / stride) + 1;
}

function convShape([x, w]: readonly Tensor[], { strides, dilations, pads, groups }: OpAttrs["conv"]): TensorType[] {
  if (x!.dim(1) !== w!.dim(1) * groups || w!.dim(0) % groups !== 0)
    fail({
      code: "E_SHAPE",
      where: "conv",
      expected: `channels = kernel channels × ${groups} groups`,
      got: `${show(x!.shape)} and ${show(w!.shape)}`,
    });
  const spatial = x!.shape
    .slice(2)
    .map((size, i) => convSize(size, w!.dim(i + 2), strides[i]!, dilations[i]!, pads[0][i]! + pads[1][i]!));
  return [{ shape: [x!.dim(0), w!.dim(0), ...spatial], dtype: "f32" }];
}

function concatShape(inputs: readonly Tensor[], axis: number): TensorType[] {
  const first = inputs[0]!;
  for (const other of inputs)
    if (
      other.dtype !== first.dtype ||
      other.rank !== first.rank ||
      other.shape.some((dim, i) => i !== axis && dim !== first.shape[i])
    )
      fail({
        code: "E_SHAPE",
        where: "concat",
        expected: `parts like ${show(first.shape)} of ${first.dtype} but for axis ${axis}`,
        got: `${show(other.shape)} of ${other.dtype}`,
      });
  const total = inputs.reduce((sum, part) => sum + part.shape[axis]!, 0);
  return [{ shape: first.shape.map((dim, i) => (i === axis ? total : dim)), dtype: first.dtype }];
}

function reduceShape([x]: readonly Tensor[], { axes, keep }: OpAttrs[ReduceOp]): TensorType[] {
  const shape = keep
    ? x!.shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
    : x!.shape.filter((_, i) => !axes.includes(i));
  return [{ shape, dtype: x!.dtype }];
}

function reshapeShape([x]: readonly Tensor[], shape: Shape): TensorType[] {
  if (sizeOf(shape) !== x!.size || shape.some((dim) => !Number.isInteger(dim) || dim < 0))
    fail({
      code: "E_SHAPE",
      where: "reshape",
      expected: `a shape of ${x!.size} elements (from ${show(x!.shape)})`,
      got: show(shape),
    });
  return [{ shape, dtype: x!.dtype }];
}

function expandShape([x]: readonly Tensor[], shape: Shape): TensorType[] {
  if (!sameShape(broadcastShapes("expand", x!.shape, shape), shape))
    fail({
      code: "E_SHAPE",
      where: "expand",
      expected: `a shape that ${show(x!.shape)} broadcasts to`,
      got: show(shape),
    });
  return [{ shape, dtype: x!.dtype }];
}

function sliceShape([x]: readonly Tensor[], { starts, ends, steps }: OpAttrs["slice"]): TensorType[] {
  return [
    { shape: x!.shape.map((_, i) => Math.max(0, Math.ceil((ends[i]! - starts[i]!) / steps[i]!))), dtype: x!.dtype },
  ];
}

function scatterShape([data, indices, updates]: readonly Tensor[]): TensorType[] {
  if (!sameShape(indices!.shape, updates!.shape) || indices!.rank !== data!.rank)
    fail({
      code: "E_SHAPE",
      where: "scatterAdd",
      expected: "indices and updates of one shape and data's rank",
      got: `${show(indices!.shape)}, ${show(updates!.shape)}`,
    });
  return [{ shape: data!.shape, dtype: data!.dtype }];
}

function gatherShape([data, indices]: readonly Tensor[], axis: number): TensorType[] {
  expectDType("gather", indices!, ["i32"]);
  return [
    { shape: [...data!.shape.slice(0, axis), ...indices!.shape, ...data!.shape.slice(axis + 1)], dtype: data!.dtype },
  ];
}

function scanShape({ body, length }: OpAttrs["scan"]): TensorType[] {
  body.states.forEach((state, i) => {
    const next = body.nextStates[i];
    if (next === undefined || !sameShape(state.shape, next.shape) || state.dtype !== next.dtype)
      fail({
        code: "E_SHAPE",
        where: `scan state ${i}`,
        expected: show(state.shape),
        got: next ? show(next.shape) : "nothing",
      });
  });
  return [
    ...body.nextStates.map(({ shape, dtype }) => ({ shape, dtype })),
    ...body.ys.map(({ shape, dtype }) => ({ shape: [length, ...shape], dtype })),
  ];
}

function topkShape([x]: readonly Tensor[], { axis, k }: OpAttrs["topk"]): TensorType[] {
  if (k > x!.shape[axis]!) fail({ code: "E_SHAPE", where: "topk", expected: `k ≤ ${x!.shape[axis]}`, got: String(k) });
  const shape = x!.shape.map((dim, i) => (i === axis ? k : dim));
  return [
    { shape, dtype: x!.dtype },
    { shape, dtype: "i32" },
  ];
}

function normShape(where: string, inputs: readonly Tensor[]): TensorType[] {
  for (const weight of inputs.slice(1)) broadcastShapes(where, inputs[0]!.shape, weight.shape);
  return like(inputs);
}

/** Output shapes and dtypes of every op; a row checks what its op requires. */
export const shapeRules: { [K in Op]: ShapeRule<K> } = {
  ...rows<UnaryOp>(unaryOps, (op) => (inputs) => {
    expectDType(op, inputs[0]!, op === "neg" || op === "abs" || op === "sign" ? ["f32", "i32"] : ["f32"]);
    return like(inputs);
  }),
  ...rows<BinaryOp>(binaryOps, (op) => (inputs) => elementwise(op, inputs, numbers)),
  ...rows<CompareOp>(compareOps, (op) => (inputs) => elementwise(op, inputs, numbers, "bool")),
  ...rows<LogicOp>(logicOps, (op) => (inputs) => elementwise(op, inputs, ["bool"])),
  ...rows<BitOp>(bitOps, (op) => (inputs) => elementwise(op, inputs, integers)),
  ...rows<ReduceOp>(reduceOps, () => reduceShape),
  input: (_, { shape, dtype }) => [{ shape, dtype }],
  constant: (_, { data, shape, dtype }) => {
    if (data.length !== sizeOf(shape))
      fail({
        code: "E_SHAPE",
        where: "constant",
        expected: `${sizeOf(shape)} elements for ${show(shape)}`,
        got: String(data.length),
      });
    return [{ shape, dtype }];
  },
  not: (inputs) => {
    expectDType("not", inputs[0]!, ["bool"]);
    return like(inputs);
  },
  isNaN: ([x]) => [{ shape: x!.shape, dtype: "bool" }],
  cast: ([x], { to }) => [{ shape: x!.shape, dtype: to }],
  stopGradient: like,
  where: ([condition, a, b]) => {
    expectDType("where", condition!, ["bool"]);
    const [branches] = elementwise("where", [a!, b!], ["f32", "i32", "u32", "bool"]);
    return [{ shape: broadcastShapes("where", condition!.shape, branches!.shape), dtype: a!.dtype }];
  },
  matmul: matmulShape,
  reshape: (inputs, { shape }) => reshapeShape(inputs, shape),
  transpose: ([x], { perm }) => [{ shape: perm.map((axis) => x!.dim(axis)), dtype: x!.dtype }],
  expand: (inputs, { shape }) => expandShape(inputs, shape),
  concat: (inputs, { axis }) => concatShape(inputs, axis),
  slice: sliceShape,
  pad: ([x], { before, after }) => [{ shape: x!.shape.map((dim, i) => dim + before[i]! + after[i]!), dtype: x!.dtype }],
  flip: like,
  gather: (inputs, { axis }) => gatherShape(inputs, axis),
  gatherElements: ([data, indices]) => {
    expectDType("gatherElements", indices!, ["i32"]);
    return [{ shape: indices!.shape, dtype: data!.dtype }];
  },
  scatterAdd: scatterShape,
  argmax: ([x], { axis }) => [{ shape: x!.shape.filter((_, i) => i !== axis), dtype: "i32" }],
  topk: topkShape,
  cumsum: like,
  conv: convShape,
  convTranspose: ([g, w], { groups, output }) => [{ shape: [g!.dim(0), w!.dim(1) * groups, ...output], dtype: "f32" }],
  scan: (_, attrs) => scanShape(attrs),
  softmax: like,
  logSoftmax: like,
  layerNorm: (inputs) => normShape("layerNorm", inputs),
  rmsNorm: (inputs) => normShape("rmsNorm", inputs),
  gelu: like,
  silu: like,
  softmaxCrossEntropy: ([logits, targets]) => {
    expectDType("softmaxCrossEntropy targets", targets!, ["i32"]);
    return [{ shape: logits!.shape.slice(0, -1), dtype: "f32" }];
  },
  unitLowerInverse: like,
  custom: recordedShapes,
  linearAttention: recordedShapes,
};
