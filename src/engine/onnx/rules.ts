import {
  type AnyNode,
  type FusedNode,
  type FusedOp,
  type Op,
  type OpAttrs,
  type PrimitiveOp,
  type ReduceOp,
  sizeOf,
  type Tensor,
  type UnaryOp,
} from "../../tensor/index.ts";
import { type Emitter, onnxType } from "./emitter.ts";
import { emitLinearAttention } from "./linear-attention.ts";
import { emitScan } from "./scan.ts";

/** Emits one op over the names of its inputs; returns the names of its outputs. */
export interface Emission<K extends Op> {
  e: Emitter;
  names: readonly string[];
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  attrs: OpAttrs[K];
}
type EmitRule<K extends Op> = (emission: Emission<K>) => string[];

const ints = (values: readonly number[]) => values.map(BigInt);

/** A rule for an op that ONNX has under `name` with the same inputs and no attributes. */
const direct =
  (name: string): EmitRule<Op> =>
  ({ e, names }) =>
    e.node(name, names);

const unaryNames: { [K in UnaryOp]: string } = {
  neg: "Neg",
  abs: "Abs",
  sign: "Sign",
  exp: "Exp",
  log: "Log",
  sqrt: "Sqrt",
  reciprocal: "Reciprocal",
  sin: "Sin",
  cos: "Cos",
  tan: "Tan",
  asin: "Asin",
  acos: "Acos",
  atan: "Atan",
  sinh: "Sinh",
  cosh: "Cosh",
  tanh: "Tanh",
  asinh: "Asinh",
  acosh: "Acosh",
  atanh: "Atanh",
  erf: "Erf",
  sigmoid: "Sigmoid",
  softplus: "Softplus",
  floor: "Floor",
  ceil: "Ceil",
  round: "Round",
};

const sameNames = {
  add: "Add",
  sub: "Sub",
  mul: "Mul",
  div: "Div",
  pow: "Pow",
  maximum: "Max",
  minimum: "Min",
  less: "Less",
  lessEqual: "LessOrEqual",
  equal: "Equal",
  and: "And",
  or: "Or",
  xor: "Xor",
  not: "Not",
  bitAnd: "BitwiseAnd",
  bitOr: "BitwiseOr",
  bitXor: "BitwiseXor",
  isNaN: "IsNaN",
  where: "Where",
} as const;

function directRules<K extends Op>(names: Readonly<Record<K, string>>): { [P in K]: EmitRule<P> } {
  const rows = Object.entries<string>(names).map(([op, name]) => [op, direct(name)]);
  return Object.fromEntries(rows) as { [P in K]: EmitRule<P> };
}

const reduce =
  (name: string): EmitRule<ReduceOp> =>
  ({ e, names, attrs: { axes, keep } }) =>
    e.node(name, [...names, e.int64(axes)], { keepdims: keep ? 1n : 0n });

const shift =
  (direction: "LEFT" | "RIGHT"): EmitRule<Op> =>
  ({ e, names }) =>
    e.node("BitShift", names, { direction });

/** Plain products as MatMul; transposed or scaled ones as ONNX Runtime's FusedMatMul, which leaves sums of nothing unwritten. */
const matmul: EmitRule<"matmul"> = ({ e, names, inputs: [a], outputs: [y], attrs: { transA, transB, alpha } }) => {
  if (a!.dim(transA ? -2 : -1) === 0) return [e.constant(new Float32Array(sizeOf(y!.shape)), y!.shape, "f32")];
  return !transA && !transB && alpha === 1
    ? e.node("MatMul", names)
    : e.node(
        "FusedMatMul",
        names,
        { transA: BigInt(transA), transB: BigInt(transB), alpha },
        { domain: "com.microsoft" },
      );
};

/** Indices come out as 64-bit integers; the vocabulary has 32-bit ones. */
const toI32 = (e: Emitter, name: string) => e.node("Cast", [name], { to: BigInt(onnxType("i32")) })[0]!;

const topk: EmitRule<"topk"> = ({ e, names, attrs: { axis, k, largest } }) => {
  const [values, indices] = e.node(
    "TopK",
    [names[0]!, e.int64([k])],
    { axis: BigInt(axis), largest: BigInt(largest), sorted: 1n },
    { outputs: 2 },
  );
  return [values!, toI32(e, indices!)];
};

const slice: EmitRule<"slice"> = ({ e, names, inputs: [x], attrs: { starts, ends, steps } }) => {
  const axes = x!.shape.flatMap((dim, axis) =>
    starts[axis] === 0 && ends[axis] === dim && steps[axis] === 1 ? [] : [axis],
  );
  const pick = (values: readonly number[]) => e.int64(axes.map((axis) => values[axis]!));
  return e.node("Slice", [names[0]!, pick(starts), pick(ends), e.int64(axes), pick(steps)]);
};

/** Slice with step −1; the end lies before index 0. */
const flip: EmitRule<"flip"> = ({ e, names, attrs: { axes } }) => {
  const all = (value: number) => e.int64(axes.map(() => value));
  return e.node("Slice", [names[0]!, all(-1), all(-(2 ** 31)), e.int64(axes), all(-1)]);
};

const pad: EmitRule<"pad"> = ({ e, names, inputs: [x], attrs: { before, after, value } }) =>
  e.node("Pad", [names[0]!, e.int64([...before, ...after]), e.constant(new Float64Array([value]), [], x!.dtype)], {
    mode: "constant",
  });

const convAttributes = ({ strides, dilations, pads, groups }: OpAttrs["conv"]) => ({
  strides: ints(strides),
  dilations: ints(dilations),
  pads: ints([...pads[0], ...pads[1]]),
  group: BigInt(groups),
});

const convTranspose: EmitRule<"convTranspose"> = ({ e, names, inputs: [g, w], attrs }) => {
  const { strides, dilations, pads, output } = attrs;
  const extra = output.map((size, i) => {
    const span = (g!.dim(i + 2) - 1) * strides[i]! + dilations[i]! * (w!.dim(i + 2) - 1) + 1;
    return size - (span - pads[0][i]! - pads[1][i]!);
  });
  return e.node("ConvTranspose", names, { ...convAttributes(attrs), output_padding: ints(extra) });
};

const primitiveRules: { [K in Exclude<PrimitiveOp, "input" | "stopGradient">]: EmitRule<K> } = {
  ...directRules(unaryNames),
  ...directRules(sameNames),
  reduceSum: reduce("ReduceSum"),
  reduceMax: reduce("ReduceMax"),
  reduceMin: reduce("ReduceMin"),
  reduceProd: reduce("ReduceProd"),
  shiftLeft: shift("LEFT"),
  shiftRight: shift("RIGHT"),
  mod: ({ e, names }) => e.node("Mod", names, { fmod: 1n }),
  constant: ({ e, attrs: { data, shape, dtype } }) => [e.constant(data, shape, dtype)],
  cast: ({ e, names, attrs: { to } }) => e.node("Cast", names, { to: BigInt(onnxType(to)) }),
  matmul,
  reshape: ({ e, names, attrs: { shape } }) => e.node("Reshape", [...names, e.int64(shape)], { allowzero: 1n }),
  transpose: ({ e, names, attrs: { perm } }) => e.node("Transpose", names, { perm: ints(perm) }),
  expand: ({ e, names, attrs: { shape } }) => e.node("Expand", [...names, e.int64(shape)]),
  concat: ({ e, names, attrs: { axis } }) => e.node("Concat", names, { axis: BigInt(axis) }),
  slice,
  pad,
  flip,
  gather: ({ e, names, attrs: { axis } }) => e.node("Gather", names, { axis: BigInt(axis) }),
  gatherElements: ({ e, names, attrs: { axis } }) => e.node("GatherElements", names, { axis: BigInt(axis) }),
  scatterAdd: ({ e, names, attrs: { axis } }) =>
    e.node("ScatterElements", names, { axis: BigInt(axis), reduction: "add" }),
  argmax: ({ e, names, attrs: { axis } }) => [
    toI32(e, e.node("ArgMax", names, { axis: BigInt(axis), keepdims: 0n })[0]!),
  ],
  topk,
  cumsum: ({ e, names, attrs: { axis, exclusive, reverse } }) =>
    e.node("CumSum", [...names, e.int64([axis], true)], { exclusive: BigInt(exclusive), reverse: BigInt(reverse) }),
  conv: ({ e, names, attrs }) => e.node("Conv", names, convAttributes(attrs)),
  convTranspose,
  scan: emitScan,
};

/** Fused ops ONNX Runtime has natively on CPU; the others are expanded before emission. */
const fusedRules: { [K in FusedOp]?: EmitRule<K> } = {
  softmax: ({ e, names, attrs: { axis } }) => e.node("Softmax", names, { axis: BigInt(axis) }),
  logSoftmax: ({ e, names, attrs: { axis } }) => e.node("LogSoftmax", names, { axis: BigInt(axis) }),
  layerNorm: ({ e, names, attrs: { epsilon } }) => e.node("LayerNormalization", names, { axis: -1n, epsilon }),
  rmsNorm: ({ e, names, attrs: { epsilon } }) =>
    e.node("SimplifiedLayerNormalization", names, { axis: -1n, epsilon, stash_type: 1n }),
  gelu: ({ e, names, attrs: { approximate } }) => e.node("Gelu", names, { approximate }),
  silu: ({ e, names }) => e.node("QuickGelu", names, { alpha: 1 }, { domain: "com.microsoft" }),
  linearAttention: emitLinearAttention,
};

/** Whether the native engine runs this fused node as it is: norms only where the gain spans just the last axis. */
export function isNative(node: FusedNode): boolean {
  if (!(node.op in fusedRules)) return false;
  const norm = node.op === "layerNorm" || node.op === "rmsNorm";
  return !norm || node.inputs.slice(1).every((t) => t.rank === 1 && t.dim(0) === node.inputs[0]!.dim(-1));
}

/** Adds a node's ONNX form to the emitter and names its outputs. */
export function emitNode(e: Emitter, node: AnyNode): void {
  e.origin = node.origin;
  const names = node.inputs.map((t) => e.nameOf(t));
  const results = node.op === "stopGradient" ? names : emitOp(e, node, names);
  node.outputs.forEach((t, i) => void e.declare(t, results[i]!));
}

const rules = { ...primitiveRules, ...fusedRules } as Partial<Record<Op, EmitRule<Op>>>;

function emitOp(e: Emitter, node: AnyNode, names: readonly string[]): string[] {
  const { inputs, outputs } = node;
  return rules[node.op]!({ e, names, inputs, outputs, attrs: node.attrs as OpAttrs[Op] });
}
