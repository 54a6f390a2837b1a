/**
 * ConvBERT's mixed attention: half of the heads attend, the other half are convolutions whose kernels depend on the query and
 * on the span of keys around it.
 * Axes: B batch, T time, D model, H heads of each half, K head size, W taps.
 */
import { z } from "zod";
import { blockwiseAttention } from "../../ops/index.ts";
import { concat, type Tensor, where } from "../../tensor/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer, type Io } from "../define.ts";
import { bias, matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: z.int().positive().default(2).describe("heads that attend, and as many that convolve"),
  headSize: z.int().positive().optional().describe("width of a head (default: model width / heads / 2)"),
  kernel: z
    .int()
    .positive()
    .refine((taps) => taps % 2 === 1, "expected an odd number of taps")
    .default(9)
    .describe("taps of the convolutions, in tokens, the middle one at the token itself"),
  bias: z.boolean().default(true).describe("offsets of all maps"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: c.headSize ?? D / c.heads / 2, W: c.kernel });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, K, W }: Sizes, c: C) => ({
  qkv: matrix(D, 3 * H * K),
  spanTaps: tensor([D, W], { kind: "normal", std: 1 / Math.sqrt(W) }),
  span: matrix(D, H * K),
  kernel: matrix(H * K, H * W),
  values: matrix(D, H * K),
  out: matrix(2 * H * K, D, { init: "residual" }),
  ...(c.bias && {
    qkvBias: bias(3 * H * K),
    spanBias: bias(H * K),
    kernelBias: bias(H * W),
    valuesBias: bias(H * K),
    outBias: bias(D),
  }),
});

interface At {
  d: Sizes;
  p: Weights<ReturnType<typeof params>>;
  io: Io;
}

export const mixedAttention = defineMixer({
  kind: "mixed-attention",
  title: "Mixed attention (ConvBERT)",
  cite: { arxiv: "2008.02496", by: "Jiang et al. 2020, section 4" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "a = softmax(q kᵀ / √K) v   (H heads)",
    "κ_t = softmax_j(W_κ (q_t ⊙ k^s_t)),  k^s a separable convolution of x   (H heads, W taps)",
    "c_t = Σ_j κ_tj (x W_c)_(t + j − ⌊W/2⌋)",
    "y = [a, c] W_out",
  ],
  config,
  dims,
  params,
  tune: [{ key: "headSize", unit: 2 }],
  reads: ["mask_BT"],
  capabilities: wholeSequence,
  state: () => ({}),
  forward: (x_BTD, at) => ({ y: mix(x_BTD, at), s: {} }),
});

function mix(x_BTD: Tensor, at: At): Tensor {
  const { d, p, io } = at;
  const joined = linear(x_BTD, p.qkv, p.qkvBias);
  const q_BTF = joined.slice(2, 0, d.H * d.K);
  const [q, k, v] = splitHeads(joined, 3 * d.H).split(1, [d.H, d.H, d.H]) as [Tensor, Tensor, Tensor];
  const attended = blockwiseAttention({
    q_BHTK: q,
    k_BGTK: k,
    v_BGTV: v,
    causal: false,
    mask_BT: io.mask_BT,
    scale: d.K ** -0.5,
  });
  return linear(concat(2, [mergeHeads(attended.y_BHTV), convolved(x_BTD, q_BTF, at)]), p.out, p.outBias);
}

/** The heads that convolve: [B, T, H·K]. */
function convolved(x_BTD: Tensor, q_BTF: Tensor, { d, p, io }: At): Tensor {
  const real = (x: Tensor) => (io.mask_BT ? where(io.mask_BT.unsqueeze(2), x, 0) : x);
  const taps = Array.from({ length: d.W }, (_, j) => j);
  const moved = (x: Tensor, j: number) => shifted(x, j - (d.W - 1) / 2);
  const sumOf = (terms: readonly Tensor[]) => terms.reduce((sum, term) => sum.add(term));
  const x = real(x_BTD);
  const wide_BTD = sumOf(taps.map((j) => moved(x, j).mul(value(p.spanTaps).at(1, j))));
  const span_BTF = linear(wide_BTD, p.span, p.spanBias);
  const [B, T] = [x.dim(0), x.dim(1)];
  const kernels_BTHW = linear(q_BTF.mul(span_BTF), p.kernel, p.kernelBias).reshape([B, T, d.H, d.W]).softmax(-1);
  const values = real(linear(x_BTD, p.values, p.valuesBias));
  const of = (j: number) =>
    moved(values, j)
      .reshape([B, T, d.H, d.K])
      .mul(kernels_BTHW.slice(-1, j, j + 1));
  return sumOf(taps.map(of)).reshape([B, T, d.H * d.K]);
}

/** Token t + step at place t, zeros beyond the ends: [B, T, …]. */
function shifted(x: Tensor, step: number): Tensor {
  const T = x.dim(1);
  if (step === 0) return x;
  if (Math.abs(step) >= T) return x.mul(0);
  return step > 0 ? x.slice(1, step, T).pad(1, 0, step) : x.slice(1, 0, T + step).pad(1, -step, 0);
}
