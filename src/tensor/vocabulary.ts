import type { DType, Shape, TensorData } from "./dtype.ts";
import type { Tensor } from "./tensor.ts";

/** Elementwise, one input, float to float. */
export const unaryOps = [
  "neg",
  "abs",
  "sign",
  "exp",
  "log",
  "sqrt",
  "reciprocal",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "tanh",
  "asinh",
  "acosh",
  "atanh",
  "erf",
  "sigmoid",
  "softplus",
  "floor",
  "ceil",
  "round",
] as const;

/** Elementwise with broadcasting, numbers of one dtype to the same dtype. */
export const binaryOps = ["add", "sub", "mul", "div", "pow", "maximum", "minimum", "mod"] as const;

/** Elementwise with broadcasting, numbers to bool. */
export const compareOps = ["less", "lessEqual", "equal"] as const;

/** Elementwise with broadcasting, on bool. */
export const logicOps = ["and", "or", "xor"] as const;

/** Elementwise with broadcasting, on u32; shifts take a u32 amount. */
export const bitOps = ["bitAnd", "bitOr", "bitXor", "shiftRight", "shiftLeft"] as const;

/** Reductions over `axes`, which stay as size 1 where `keep`. */
export const reduceOps = ["reduceSum", "reduceMax", "reduceMin", "reduceProd"] as const;

export type UnaryOp = (typeof unaryOps)[number];
export type BinaryOp = (typeof binaryOps)[number];
export type CompareOp = (typeof compareOps)[number];
export type LogicOp = (typeof logicOps)[number];
export type BitOp = (typeof bitOps)[number];
export type ReduceOp = (typeof reduceOps)[number];

interface None {
  readonly [key: string]: never;
}
interface Reduction {
  axes: readonly number[];
  keep: boolean;
}

/** What a scan repeats: a graph over placeholders; outer tensors it uses are listed as `captures`. */
export interface ScanBody {
  /** `input` leaves standing for the states at the start of a step. */
  states: readonly Tensor[];
  /** `input` leaves standing for one step's slices of the scanned inputs. */
  xs: readonly Tensor[];
  nextStates: readonly Tensor[];
  ys: readonly Tensor[];
}

/** What an op with a recorded expansion computes: a graph over placeholders and nothing else. */
export interface RecordedBody {
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
}

/**
 * Further inputs of `linearAttention`: the state before the first time [B, H, V, K], log-decays [H, B, T] or by key
 * [H, K, B, T], logs of factors on what is written [H, B, T], and strengths of the delta rule [H, B, T].
 */
export const linearAttentionInputs = ["state", "logDecay", "logWrite", "beta"] as const;
export type LinearAttentionInput = (typeof linearAttentionInputs)[number];

/** Cotangent of each input, undefined where it is zero, given the inputs, the output y and the cotangent g of y. */
export type CustomBackward = (at: {
  inputs: readonly Tensor[];
  y: Tensor;
  g: Tensor;
}) => readonly (Tensor | undefined)[];

/** Attributes of every primitive op: the vocabulary itself. Every table of rules is a mapped type over it. */
export type PrimitiveAttrs = Record<UnaryOp | BinaryOp | CompareOp | LogicOp | BitOp, None> &
  Record<ReduceOp, Reduction> & {
    /** A value fed at run time. */
    input: { name: string; shape: Shape; dtype: DType };
    /** A value known when the graph is made. */
    constant: { data: TensorData; shape: Shape; dtype: DType };
    not: None;
    isNaN: None;
    cast: { to: DType };
    /** Identity whose gradient is zero. */
    stopGradient: None;
    /** (condition, a, b) → a where condition, else b. */
    where: None;
    /** Batched matrix product of the last two axes, either factor transposed, times `alpha`; leading axes broadcast. */
    matmul: { transA: boolean; transB: boolean; alpha: number };
    reshape: { shape: Shape };
    transpose: { perm: readonly number[] };
    /** Broadcasts to `shape`. */
    expand: { shape: Shape };
    concat: { axis: number };
    /** Per axis start (inclusive), end (exclusive) and positive step, after normalisation. */
    slice: { starts: readonly number[]; ends: readonly number[]; steps: readonly number[] };
    pad: { before: readonly number[]; after: readonly number[]; value: number };
    /** Reverses these axes. */
    flip: { axes: readonly number[] };
    /** (data, indices): whole slices of data along `axis`; result shape = data with that axis replaced by indices' shape. */
    gather: { axis: number };
    /** (data, indices): one element per index, indices of data's rank. */
    gatherElements: { axis: number };
    /** (data, indices, updates): data with updates added at indices (indices and updates of one shape, data's rank). */
    scatterAdd: { axis: number };
    /** data → indices (i32) of the first greatest element, the axis removed. */
    argmax: { axis: number };
    /** data → [values, indices (i32)] of the k greatest (or least) along `axis`, sorted, ties by lower index. */
    topk: { axis: number; k: number; largest: boolean };
    cumsum: { axis: number; exclusive: boolean; reverse: boolean };
    /** x [B, C, ...spatial], w [O, C/groups, ...kernel] → [B, O, ...]; `pads` = before then after, per spatial axis. */
    conv: {
      strides: readonly number[];
      dilations: readonly number[];
      pads: readonly [before: readonly number[], after: readonly number[]];
      groups: number;
    };
    /** Adjoint of `conv` in x: (g, w) → x of the spatial size `output`. */
    convTranspose: {
      strides: readonly number[];
      dilations: readonly number[];
      pads: readonly [before: readonly number[], after: readonly number[]];
      groups: number;
      output: readonly number[];
    };
    /** (states…, xs…, captures…) → [final states…, stacked ys…]; xs and ys carry steps on axis 0. */
    scan: { body: ScanBody; length: number; reverse: boolean; captures: readonly Tensor[] };
  };

/** Fused ops: each has an expansion into primitives (`fused.ts`), which is its meaning. */
export interface FusedAttrs {
  softmax: { axis: number };
  logSoftmax: { axis: number };
  /** (x, gain, bias) over the last axis. */
  layerNorm: { epsilon: number };
  /** (x, gain) over the last axis. */
  rmsNorm: { epsilon: number };
  gelu: { approximate: "none" | "tanh" };
  silu: None;
  /** (logits [N, C], targets i32 [N]) → nats [N]. */
  softmaxCrossEntropy: None;
  /** Inverse of a unit lower triangular matrix (last two axes); the strict lower part of the input is read. */
  unitLowerInverse: None;
  /** A recorded graph whose gradient is a formula of its own: see `customGradient`. */
  custom: { body: RecordedBody; backward: CustomBackward };
  /**
   * (q [G, K, B, T], k [G, K, B, T], v [H, V, B, T], then those of `given` in this order) → [o [H, V, B, T], S_T [B, H, V, K]]:
   * a linear recurrence over time with a matrix state, in columns; `reads` tells which state q_t reads, S_t or S_{t−1}.
   * `body` is how all times run in parallel.
   */
  linearAttention: {
    given: readonly LinearAttentionInput[];
    reads: "after-write" | "before-write";
    body: RecordedBody;
  };
}

export type OpAttrs = PrimitiveAttrs & FusedAttrs;
export type PrimitiveOp = keyof PrimitiveAttrs;
export type FusedOp = keyof FusedAttrs;
export type Op = keyof OpAttrs;
