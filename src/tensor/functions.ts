import type { DType, Shape } from "./dtype.ts";
import { fail } from "./error.ts";
import { topological } from "./graph.ts";
import { apply, apply1, constant, type Operand, scalar, Tensor } from "./tensor.ts";
import {
  type CustomBackward,
  type LinearAttentionInput,
  linearAttentionInputs,
  type OpAttrs,
  type RecordedBody,
  type ScanBody,
} from "./vocabulary.ts";

/** A value fed at run time under this name. */
export function input(name: string, shape: Shape, dtype: DType = "f32"): Tensor {
  return apply1("input", [], { name, shape, dtype });
}

export function concat(axis: number, parts: readonly Tensor[]): Tensor {
  const first = parts[0]!;
  return parts.length === 1 ? first : apply1("concat", parts, { axis: first.axis(axis) });
}

/** Joins tensors of one shape along a new axis. */
export function stack(axis: number, parts: readonly Tensor[]): Tensor {
  return concat(
    axis,
    parts.map((part) => part.unsqueeze(axis)),
  );
}

/** a where the condition holds, else b; numbers take the other branch's dtype. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const dtype = a instanceof Tensor ? a.dtype : b instanceof Tensor ? b.dtype : "f32";
  const tensor = (value: Operand) => (typeof value === "number" ? scalar(value, dtype) : value);
  return apply1("where", [condition, tensor(a), tensor(b)], {});
}

export function full(shape: Shape, value: number, dtype: DType = "f32"): Tensor {
  return scalar(value, dtype).expand(shape);
}
export const zeros = (shape: Shape, dtype: DType = "f32"): Tensor => full(shape, 0, dtype);
export const ones = (shape: Shape, dtype: DType = "f32"): Tensor => full(shape, 1, dtype);

/** 0, 1, … length − 1. */
export function iota(length: number, dtype: DType = "i32"): Tensor {
  return constant(
    Array.from({ length }, (_, i) => i),
    [length],
    dtype,
  );
}

/** Row-major index of every element of a shape, broadcast from one short constant per axis. */
export function elementIndex(shape: Shape, dtype: "i32" | "u32" = "u32"): Tensor {
  let index = scalar(0, dtype);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const along = iota(shape[axis]!, dtype).mul(scalar(stride, dtype));
    index = index.add(along.reshape([shape[axis]!, ...new Array<number>(shape.length - 1 - axis).fill(1)]));
    stride *= shape[axis]!;
  }
  return index.expand(shape);
}

/** Greatest elements sorted; see {@link Tensor.topk}. Sorting is top-k of the whole axis. */
export function sort(x: Tensor, axis: number, { descending = false } = {}): { values: Tensor; indices: Tensor } {
  return x.topk(axis, x.dim(axis), { largest: descending });
}

/** (x over the last axis − mean) / deviation · gain + bias. Ba et al. 2016, eq. 3–4. */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  return apply1("layerNorm", [x, gain, bias], { epsilon });
}

/** x / root-mean-square over the last axis · gain. Zhang & Sennrich 2019, eq. 4. */
export function rmsNorm(x: Tensor, gain: Tensor, epsilon = 1e-5): Tensor {
  return apply1("rmsNorm", [x, gain], { epsilon });
}

/** x·Φ(x), exact or by tanh. Hendrycks & Gimpel 2016. */
export function gelu(x: Tensor, approximate: "none" | "tanh" = "none"): Tensor {
  return apply1("gelu", [x], { approximate });
}

/** x·sigmoid(x). */
export function silu(x: Tensor): Tensor {
  return apply1("silu", [x], {});
}

/** log sigmoid(x), stable. */
export function logSigmoid(x: Tensor): Tensor {
  return x.neg().softplus().neg();
}

/** −log softmax(logits)[target] in nats; logits [..., C], targets i32 [...]. */
export function softmaxCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  const flat = logits.reshape([-1, logits.dim(-1)]);
  return apply1("softmaxCrossEntropy", [flat, targets.reshape([-1])], {}).reshape(targets.shape);
}

/** Inverse of I + strict lower part of A over the last two axes (square). */
export function unitLowerInverse(a: Tensor): Tensor {
  return apply1("unitLowerInverse", [a], {});
}

/**
 * `forward` with a gradient of its own in place of that of its ops: `backward` returns the cotangent of each input, and may
 * itself be differentiated again. Both read the inputs they are given, and constants, only; throws E_CAPTURE where
 * `forward` reads more.
 */
export function customGradient(
  inputs: readonly Tensor[],
  { forward, backward }: { forward: (inputs: readonly Tensor[]) => Tensor; backward: CustomBackward },
): Tensor {
  const body = recordBody("customGradient", inputs, (leaves) => [forward(leaves)]);
  return apply1("custom", inputs, { body, backward });
}

/** Inputs of {@link linearAttention} in columns: G key groups, H heads, K key width, V value width, B batch, T time. */
export interface LinearAttentionColumns extends Partial<Record<LinearAttentionInput, Tensor | undefined>> {
  q_GKBT: Tensor;
  k_GKBT: Tensor;
  v_HVBT: Tensor;
}

/**
 * S_t = S_{t−1} a_t (I − β_t k_t k_tᵀ) + w_t β_t v_t k_tᵀ, o_t = S_t q_t (or S_{t−1} q_t, as `reads` says): linear, gated,
 * delta and gated delta rule by what is given. `parallel` computes the same for all times at once; it is the meaning, and what gradients are of.
 */
export function linearAttention(
  given: LinearAttentionColumns,
  parallel: (at: LinearAttentionColumns) => { o_HVBT: Tensor; S_BHVK: Tensor },
  reads: OpAttrs["linearAttention"]["reads"] = "after-write",
): { o_HVBT: Tensor; S_BHVK: Tensor } {
  const { k_GKBT, v_HVBT, state } = given;
  const [H, V, B] = v_HVBT.shape as [number, number, number];
  if (v_HVBT.size === 0) return { o_HVBT: v_HVBT, S_BHVK: state ?? zeros([B, H, V, k_GKBT.dim(1)]) };
  const names = linearAttentionInputs.filter((name) => given[name] !== undefined);
  const inputs = [given.q_GKBT, k_GKBT, v_HVBT, ...names.map((name) => given[name]!)];
  const body = recordBody("linearAttention", inputs, ([q, k, v, ...others]) => {
    const named = Object.fromEntries(names.map((name, i) => [name, others[i]!]));
    const { o_HVBT, S_BHVK } = parallel({ q_GKBT: q!, k_GKBT: k!, v_HVBT: v!, ...named });
    return [o_HVBT, S_BHVK];
  });
  const [o_HVBT, S_BHVK] = apply("linearAttention", inputs, { given: names, reads, body });
  return { o_HVBT: o_HVBT!, S_BHVK: S_BHVK! };
}

/** A graph recorded over placeholders for `inputs`. Throws E_CAPTURE where it reads other leaves. */
export function recordBody(
  where: string,
  inputs: readonly Tensor[],
  record: (leaves: readonly Tensor[]) => readonly Tensor[],
): RecordedBody {
  const leaves = inputs.map((t) => input("", t.shape, t.dtype));
  const outputs = record(leaves);
  if (topological(outputs, new Set(leaves)).some(({ op }) => op === "input"))
    fail({ code: "E_CAPTURE", where, expected: "a graph over the given inputs", got: "another leaf" });
  return { inputs: leaves, outputs };
}

interface ConvOptions {
  strides?: number[];
  dilations?: number[];
  /** Before and after, per spatial axis. */
  pads?: [before: number[], after: number[]];
  groups?: number;
}

function convAttributes(x: Tensor, options: ConvOptions): OpAttrs["conv"] {
  const fill = (value: number) => x.shape.slice(2).map(() => value);
  const { strides = fill(1), dilations = fill(1), pads = [fill(0), fill(0)], groups = 1 } = options;
  return { strides, dilations, pads, groups };
}

/** Convolution over the axes after channels: x [B, C, ...], w [O, C/groups, ...]; `pads` default to none. */
export function conv(x: Tensor, w: Tensor, options: ConvOptions = {}): Tensor {
  return apply1("conv", [x, w], convAttributes(x, options));
}

/**
 * Transposed convolution: x [B, C, ...], w [C, O/groups, ...] → [B, O, ...], of which `pads` are cut off and to whose end
 * `extra` elements are added, which tells apart the sizes that a strided convolution rounds to one.
 */
export function convTranspose(
  x: Tensor,
  w: Tensor,
  { extra = [], ...options }: ConvOptions & { extra?: number[] } = {},
): Tensor {
  const attrs = convAttributes(x, options);
  const output = attrs.strides.map((stride, i) => {
    const reach = attrs.dilations[i]! * (w.dim(i + 2) - 1) + 1;
    return (x.dim(i + 2) - 1) * stride + reach - attrs.pads[0][i]! - attrs.pads[1][i]! + (extra[i] ?? 0);
  });
  return apply1("convTranspose", [x, w], { ...attrs, output });
}

/** What one step of a scan returns: the next states, and what is stacked. */
export interface ScanStep {
  states: readonly Tensor[];
  ys: readonly Tensor[];
}

/** States first to last; `xs` are sliced on axis 0 and `ys` stacked on axis 0 in the order of time, also when `reverse`. */
export interface ScanOptions {
  init: readonly Tensor[];
  xs: readonly Tensor[];
  /** Number of steps; needed only where there are no xs. */
  length?: number;
  reverse?: boolean;
  step: (states: readonly Tensor[], xs: readonly Tensor[]) => ScanStep;
}

/** Repeats `step` over axis 0. Tensors of the surrounding graph may be used inside; they are captured, with gradients. */
export function scan({ init, xs, length, reverse = false, step }: ScanOptions): ScanStep {
  const steps = length ?? xs[0]!.dim(0);
  const placeholder = (t: Tensor, shape: Shape) => input("", shape, t.dtype);
  const states = init.map((t) => placeholder(t, t.shape));
  const slices = xs.map((t) => placeholder(t, t.shape.slice(1)));
  const { states: nextStates, ys } = step(states, slices);
  return scanOf({ states, xs: slices, nextStates, ys }, { init, xs, length: steps, reverse });
}

interface ScanFeeds {
  init: readonly Tensor[];
  xs: readonly Tensor[];
  length: number;
  reverse: boolean;
}

/** A scan from a body already recorded. Engines need something to scan over: steps are counted where there are no xs, and no steps are no scan. */
export function scanOf(body: ScanBody, { init, xs, length, reverse }: ScanFeeds): ScanStep {
  if (length === 0) return { states: init, ys: body.ys.map((t) => zeros([0, ...t.shape], t.dtype)) };
  if (xs.length === 0)
    return scanOf({ ...body, xs: [input("", [], "i32")] }, { init, xs: [iota(length)], length, reverse });
  const captures = capturesOf([...body.nextStates, ...body.ys], [...body.states, ...body.xs]);
  const outputs = apply("scan", [...init, ...xs, ...captures], { body, length, reverse, captures });
  return { states: outputs.slice(0, init.length), ys: outputs.slice(init.length) };
}

/** The outermost tensors that `outputs` reach and that do not depend on `placeholders`. */
function capturesOf(outputs: readonly Tensor[], placeholders: readonly Tensor[]): Tensor[] {
  const inside = new Set<Tensor>(placeholders);
  const captures = new Set<Tensor>();
  for (const node of topological(outputs)) {
    if (!node.inputs.some((t) => inside.has(t))) continue;
    for (const t of node.outputs) inside.add(t);
    for (const t of node.inputs) if (!inside.has(t)) captures.add(t);
  }
  for (const t of outputs) if (!inside.has(t)) captures.add(t);
  return [...captures];
}
