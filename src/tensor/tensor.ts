import { type ArrayOf, bytesPer, type DType, type Shape, sameShape, sizeOf } from "./dtype.ts";
import { fail } from "./error.ts";
import { currentOrigin, type Origin } from "./origin.ts";
import { shapeRules } from "./shape-rules.ts";
import type { Op, OpAttrs } from "./vocabulary.ts";

/** Shape and dtype of one output. */
export interface TensorType {
  shape: Shape;
  dtype: DType;
}

/** One application of an op. Nodes are immutable; a graph is whatever its outputs reach. */
export interface Node<K extends Op = Op> {
  /** Grows with creation, so that inputs always have smaller ids than their users. */
  readonly id: number;
  readonly op: K;
  readonly inputs: readonly Tensor[];
  readonly attrs: OpAttrs[K];
  readonly outputs: readonly Tensor[];
  /** Of no influence on what is computed: names for profiles and probes. */
  readonly origin: Origin;
}

/** A node whose op is known by comparing `node.op`. */
export type AnyNode = { [K in Op]: Node<K> }[Op];

let nextId = 0;

/** Records one op and returns its outputs; shapes are checked here, at the line that built the graph. */
export function apply<K extends Op>(op: K, inputs: readonly Tensor[], attrs: OpAttrs[K]): Tensor[] {
  const types = shapeRules[op](inputs, attrs);
  const outputs: Tensor[] = [];
  const node: Node<K> = { id: nextId++, op, inputs, attrs, outputs, origin: currentOrigin() };
  types.forEach((type, index) => void outputs.push(new Tensor(node as unknown as AnyNode, index, type)));
  return outputs;
}

/** The single output of an op that has one. */
export function apply1<K extends Op>(op: K, inputs: readonly Tensor[], attrs: OpAttrs[K]): Tensor {
  return apply(op, inputs, attrs)[0]!;
}

/** What arithmetic methods accept beside a tensor: a number becomes a constant of the tensor's dtype. */
export type Operand = Tensor | number;

/** A symbolic tensor: it records operations and computes nothing. Negative axes count from the end. */
export class Tensor {
  readonly node: AnyNode;
  /** Which output of the node. */
  readonly index: number;
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(node: AnyNode, index: number, { shape, dtype }: TensorType) {
    this.node = node;
    this.index = index;
    this.shape = shape;
    this.dtype = dtype;
  }

  get rank(): number {
    return this.shape.length;
  }
  get size(): number {
    return sizeOf(this.shape);
  }
  get bytes(): number {
    return this.size * bytesPer[this.dtype];
  }
  /** Size of one axis. */
  dim(axis: number): number {
    return this.shape[this.axis(axis)]!;
  }
  /** The axis counted from the front. Throws E_AXIS outside the rank. */
  axis(axis: number): number {
    const front = axis < 0 ? axis + this.rank : axis;
    if (front < 0 || front >= this.rank || !Number.isInteger(front))
      fail({ code: "E_AXIS", where: "axis", expected: `an axis of rank ${this.rank}`, got: String(axis) });
    return front;
  }

  add(other: Operand): Tensor {
    return apply1("add", [this, this.operand(other)], {});
  }
  sub(other: Operand): Tensor {
    return apply1("sub", [this, this.operand(other)], {});
  }
  mul(other: Operand): Tensor {
    return apply1("mul", [this, this.operand(other)], {});
  }
  div(other: Operand): Tensor {
    return apply1("div", [this, this.operand(other)], {});
  }
  pow(other: Operand): Tensor {
    return apply1("pow", [this, this.operand(other)], {});
  }
  maximum(other: Operand): Tensor {
    return apply1("maximum", [this, this.operand(other)], {});
  }
  minimum(other: Operand): Tensor {
    return apply1("minimum", [this, this.operand(other)], {});
  }
  /** Remainder with the sign of the dividend (C's fmod). */
  mod(other: Operand): Tensor {
    return apply1("mod", [this, this.operand(other)], {});
  }
  less(other: Operand): Tensor {
    return apply1("less", [this, this.operand(other)], {});
  }
  lessEqual(other: Operand): Tensor {
    return apply1("lessEqual", [this, this.operand(other)], {});
  }
  greater(other: Operand): Tensor {
    return apply1("less", [this.operand(other), this], {});
  }
  greaterEqual(other: Operand): Tensor {
    return apply1("lessEqual", [this.operand(other), this], {});
  }
  equal(other: Operand): Tensor {
    return apply1("equal", [this, this.operand(other)], {});
  }
  and(other: Tensor): Tensor {
    return apply1("and", [this, other], {});
  }
  or(other: Tensor): Tensor {
    return apply1("or", [this, other], {});
  }
  xor(other: Tensor): Tensor {
    return apply1("xor", [this, other], {});
  }
  not(): Tensor {
    return apply1("not", [this], {});
  }
  isNaN(): Tensor {
    return apply1("isNaN", [this], {});
  }
  bitAnd(other: Operand): Tensor {
    return apply1("bitAnd", [this, this.operand(other)], {});
  }
  bitOr(other: Operand): Tensor {
    return apply1("bitOr", [this, this.operand(other)], {});
  }
  bitXor(other: Operand): Tensor {
    return apply1("bitXor", [this, this.operand(other)], {});
  }
  shiftRight(bits: Operand): Tensor {
    return apply1("shiftRight", [this, this.operand(bits)], {});
  }
  shiftLeft(bits: Operand): Tensor {
    return apply1("shiftLeft", [this, this.operand(bits)], {});
  }

  neg(): Tensor {
    return apply1("neg", [this], {});
  }
  abs(): Tensor {
    return apply1("abs", [this], {});
  }
  sign(): Tensor {
    return apply1("sign", [this], {});
  }
  exp(): Tensor {
    return apply1("exp", [this], {});
  }
  log(): Tensor {
    return apply1("log", [this], {});
  }
  sqrt(): Tensor {
    return apply1("sqrt", [this], {});
  }
  reciprocal(): Tensor {
    return apply1("reciprocal", [this], {});
  }
  sin(): Tensor {
    return apply1("sin", [this], {});
  }
  cos(): Tensor {
    return apply1("cos", [this], {});
  }
  tanh(): Tensor {
    return apply1("tanh", [this], {});
  }
  erf(): Tensor {
    return apply1("erf", [this], {});
  }
  sigmoid(): Tensor {
    return apply1("sigmoid", [this], {});
  }
  /** log(1 + eˣ), stable for any x. */
  softplus(): Tensor {
    return apply1("softplus", [this], {});
  }
  relu(): Tensor {
    return this.maximum(0);
  }
  square(): Tensor {
    return this.mul(this);
  }

  cast(to: DType): Tensor {
    return this.dtype === to ? this : apply1("cast", [this], { to });
  }
  /** Identity whose gradient is zero. */
  stopGradient(): Tensor {
    return apply1("stopGradient", [this], {});
  }

  sum(axes?: number | readonly number[], keep = false): Tensor {
    return this.reduce("reduceSum", axes, keep);
  }
  max(axes?: number | readonly number[], keep = false): Tensor {
    return this.reduce("reduceMax", axes, keep);
  }
  min(axes?: number | readonly number[], keep = false): Tensor {
    return this.reduce("reduceMin", axes, keep);
  }
  prod(axes?: number | readonly number[], keep = false): Tensor {
    return this.reduce("reduceProd", axes, keep);
  }
  mean(axes?: number | readonly number[], keep = false): Tensor {
    const sum = this.sum(axes, keep);
    return sum.div(this.size / sum.size);
  }
  argmax(axis: number): Tensor {
    return apply1("argmax", [this], { axis: this.axis(axis) });
  }
  /** The k greatest (or least) elements along an axis, sorted, and their indices (i32). */
  topk(axis: number, k: number, { largest = true } = {}): { values: Tensor; indices: Tensor } {
    const [values, indices] = apply("topk", [this], { axis: this.axis(axis), k, largest });
    return { values: values!, indices: indices! };
  }
  cumsum(axis: number, { exclusive = false, reverse = false } = {}): Tensor {
    return apply1("cumsum", [this], { axis: this.axis(axis), exclusive, reverse });
  }

  /** Matrix product over the last two axes; either factor may be read transposed. */
  matmul(other: Tensor, { transA = false, transB = false, alpha = 1 } = {}): Tensor {
    return apply1("matmul", [this, other], { transA, transB, alpha });
  }

  /** One −1 stands for the size that is left. */
  reshape(shape: Shape): Tensor {
    const known = shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
    const full = shape.map((dim) => (dim === -1 ? this.size / known : dim));
    return sameShape(full, this.shape) ? this : apply1("reshape", [this], { shape: full });
  }
  transpose(perm: readonly number[]): Tensor {
    const front = perm.map((axis) => this.axis(axis));
    return front.every((axis, i) => axis === i) ? this : apply1("transpose", [this], { perm: front });
  }
  swap(a: number, b: number): Tensor {
    const perm = this.shape.map((_, axis) => axis);
    [perm[this.axis(a)], perm[this.axis(b)]] = [this.axis(b), this.axis(a)];
    return this.transpose(perm);
  }
  expand(shape: Shape): Tensor {
    return sameShape(shape, this.shape) ? this : apply1("expand", [this], { shape });
  }
  unsqueeze(axis: number): Tensor {
    const at = axis < 0 ? axis + this.rank + 1 : axis;
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }
  squeeze(axis: number): Tensor {
    const at = this.axis(axis);
    return this.reshape(this.shape.filter((_, i) => i !== at));
  }
  /** start (inclusive) to end (exclusive) of one axis; negative bounds count from the end. */
  slice(axis: number, start: number, end = Number.POSITIVE_INFINITY, step = 1): Tensor {
    const at = this.axis(axis);
    const dim = this.shape[at]!;
    const bound = (value: number) => Math.min(dim, Math.max(0, value < 0 ? value + dim : value));
    if (bound(start) === 0 && bound(end) === dim && step === 1) return this;
    const starts = this.shape.map((_, i) => (i === at ? bound(start) : 0));
    const ends = this.shape.map((size, i) => (i === at ? Math.max(bound(start), bound(end)) : size));
    return apply1("slice", [this], { starts, ends, steps: this.shape.map((_, i) => (i === at ? step : 1)) });
  }
  /** One index of an axis, which disappears. */
  at(axis: number, index: number): Tensor {
    const front = this.axis(axis);
    const from = index < 0 ? index + this.shape[front]! : index;
    return this.slice(front, from, from + 1).squeeze(front);
  }
  /** Consecutive parts of an axis with these sizes. */
  split(axis: number, sizes: readonly number[]): Tensor[] {
    const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size, 0));
    return sizes.map((size, i) => this.slice(axis, ends[i]! - size, ends[i]!));
  }
  /** Pads one axis. */
  pad(axis: number, before: number, after: number, value = 0): Tensor {
    if (before === 0 && after === 0) return this;
    const at = this.axis(axis);
    const only = (amount: number) => this.shape.map((_, i) => (i === at ? amount : 0));
    return apply1("pad", [this], { before: only(before), after: only(after), value });
  }
  flip(axis: number): Tensor {
    return apply1("flip", [this], { axes: [this.axis(axis)] });
  }
  gather(axis: number, indices: Tensor): Tensor {
    return apply1("gather", [this, indices], { axis: this.axis(axis) });
  }
  gatherElements(axis: number, indices: Tensor): Tensor {
    return apply1("gatherElements", [this, indices], { axis: this.axis(axis) });
  }
  scatterAdd(axis: number, indices: Tensor, updates: Tensor): Tensor {
    return apply1("scatterAdd", [this, indices, updates], { axis: this.axis(axis) });
  }

  softmax(axis = -1): Tensor {
    return apply1("softmax", [this], { axis: this.axis(axis) });
  }
  logSoftmax(axis = -1): Tensor {
    return apply1("logSoftmax", [this], { axis: this.axis(axis) });
  }

  private reduce(
    op: "reduceSum" | "reduceMax" | "reduceMin" | "reduceProd",
    axes: number | readonly number[] | undefined,
    keep: boolean,
  ): Tensor {
    const list = axes === undefined ? this.shape.map((_, axis) => axis) : typeof axes === "number" ? [axes] : axes;
    const sorted = list.map((axis) => this.axis(axis)).sort((a, b) => a - b);
    return sorted.length === 0 ? this : apply1(op, [this], { axes: sorted, keep });
  }

  private operand(value: Operand): Tensor {
    return typeof value === "number" ? scalar(value, this.dtype) : value;
  }
}

const arrays = { f32: Float64Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array } as const;

/** A constant of rank 0. Floats are kept in f64 and rounded where an engine stores f32. */
export function scalar(value: number, dtype: DType = "f32"): Tensor {
  return constant([value], [], dtype);
}

/** A constant from row-major elements. */
export function constant(values: ArrayLike<number>, shape: Shape, dtype: DType = "f32"): Tensor {
  const data: ArrayOf[DType] = arrays[dtype].from(values);
  return apply1("constant", [], { data, shape, dtype });
}
