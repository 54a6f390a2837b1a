/**
 * Kernelised attention with relative positions: weights φ(q)·φ(k)·exp(b_{s−t}), whose sums over tokens are convolutions, taken by
 * Fourier transforms. Axes: B batch, T time, D model, H heads, K head size, M random features, L tokens at most; columns [C, B, T].
 */
import { z } from "zod";
import { fromColumns, longConv, orthogonalFeatures, toColumns } from "../../ops/index.ts";
import { concat, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { assertTokens } from "./max-tokens.ts";
import { featuresOf, performer } from "./performer.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  features: z.int().positive().default(64).describe("random features of a head"),
  maxTokens: z.int().positive().default(256).describe("longest sequence: distances have biases up to it"),
  unit: z
    .boolean()
    .default(true)
    .describe("queries and keys of unit length, without which the estimate's variance grows exponentially with them"),
  causal: z.boolean().default(false).describe("a token sees itself and earlier ones only; decoding is not possible"),
  epsilon: z.number().nonnegative().default(1e-6).describe("added to a query's sum of weights"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads, M: c.features, L: c.maxTokens });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, K, M, L }: Sizes, c: C) => ({
  q: matrix(D, D),
  k: matrix(D, D),
  v: matrix(D, D),
  features: vector([M, K], {
    kind: "values",
    fill: (uniform, [rows, width]) => orthogonalFeatures(uniform, rows!, width!).flat(),
  }),
  // Of keys L − 1 to 0 tokens behind and, unless causal, 1 to L − 1 ahead.
  distance: vector([H, c.causal ? L : 2 * L - 1]),
  out: matrix(D, D, { init: "residual" }),
  outBias: bias(D),
});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, object>;

export const relativeKernelAttention = defineMixer({
  kind: "relative-kernel-attention",
  title: "Kernelised attention with relative positions (NPRF)",
  cite: { arxiv: "2106.12566", by: "Luo et al. 2021" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q̂ = q / |q|, k̂ = k / |k|;  φ(x) = exp(P x − |x|²/2) / √M",
    "y_t = Σ_s φ(q̂_t)·φ(k̂_s) exp(b_{s−t}) v_s / (Σ_s φ(q̂_t)·φ(k̂_s) exp(b_{s−t}) + ε)",
    "Σ_s exp(b_{s−t}) φ(k̂_s) [v_s, 1]ᵀ is a Toeplitz product for each feature and value: n log n",
  ],
  config,
  dims,
  params,
  tune: [{ key: "features", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: ({ causal }) => ({
    flow: causal ? "causal" : "bidirectional",
    state: "none",
    length: "max",
    batch: "independent",
    smooth: "everywhere",
    exact: "rounding",
  }),
  state: () => ({}),
  forward: (x_BTD, at) => ({ y: mix(x_BTD, at), s: {} }),
});

/** The features are Performer's, without what it adds to them. */
const kernel = performer.config.parse({ epsilon: 0 });

function mix(x_BTD: Tensor, { c, d, p, io }: At): Tensor {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  assertTokens("relative-kernel-attention", T, c.maxTokens);
  const columns = (name: "q" | "k" | "v") => toColumns(x_BTD, value(p[name])).reshape([d.H, d.K, B, T]);
  const features = (x: Tensor) =>
    featuresOf(c.unit ? unit(x).mul(d.K ** 0.25) : x, { c: kernel, p: { features: p.features }, axes: [1] });
  const v = columns("v");
  const values = concat(1, [v, v.slice(1, 0, 1).mul(0).add(1)]);
  const k = features(columns("k"));
  const pairs_HMVBT = (io.mask_BT ? where(io.mask_BT, k, 0) : k).unsqueeze(2).mul(values.unsqueeze(1));
  const sums = toeplitzProduct(pairs_HMVBT, value(p.distance), c);
  const read_HVBT = features(columns("q")).unsqueeze(2).mul(sums).sum(1);
  const y = read_HVBT.slice(1, 0, d.K).div(read_HVBT.slice(1, d.K).add(c.epsilon));
  return fromColumns(y.reshape([d.D, B, T]), value(p.out)).add(value(p.outBias));
}

/** x / |x| over axis 1. */
const unit = (x: Tensor): Tensor => x.div(x.square().sum(1, true).add(1e-12).sqrt());

/** Σ_s exp(b_{s−t}) u_s over the last axis of u [H, …, T], b [H, L] or [H, 2L − 1] by s − t, the farthest behind first. */
export function toeplitzProduct(
  u: Tensor,
  distance: Tensor,
  { causal, maxTokens, direct }: { causal: boolean; maxTokens: number; direct?: boolean },
): Tensor {
  const [H, T] = [u.dim(0), u.dim(-1)];
  const rows = u.reshape([H, -1, T]);
  // As lags t − s: from 0 up, or from −(T − 1) up, where all is moved by T − 1.
  const lags = causal
    ? distance.slice(1, maxTokens - T).flip(1)
    : distance.slice(1, maxTokens - T, maxTokens + T - 1).flip(1);
  if (causal) return longConv(rows, lags.exp(), direct).reshape(u.shape);
  return longConv(rows.pad(-1, 0, T - 1), lags.exp(), direct)
    .slice(-1, T - 1)
    .reshape(u.shape);
}
