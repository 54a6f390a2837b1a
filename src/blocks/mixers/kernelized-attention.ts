/**
 * Attention whose kernel is learned: random features of queries and keys, of frequencies that a trained distribution gives, so that
 * sums over tokens come first. Axes: B batch, T time, D model, H heads, K head size, M frequencies; columns [C, B, T].
 */
import { z } from "zod";
import { decayScan, decayStep, fromColumns, toColumns } from "../../ops/index.ts";
import { concat, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { chunkTokens, headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { matrix } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { sumAll } from "./kernel-sums.ts";
import { projected, rowLength, spectra, spectrumParams } from "./learned-spectrum.ts";

const count = () => z.int().positive();

const config = z.strictObject({
  heads: headsOfWidth(),
  features: count()
    .default(64)
    .describe("frequencies of a head; a multiple of components, or with fastfood of the head size's next power of two"),
  map: z
    .enum(["positive", "fourier"])
    .default("positive")
    .describe("features of a frequency: exp(ω·u − |u|²/2), or cos and sin of ω·u"),
  spectrum: z
    .enum(spectra)
    .default("mixture")
    .describe(
      "how frequencies come from noise: a mixture of Gaussians, a structured product in M log K, or a small network",
    ),
  components: count().default(2).describe("Gaussians of the mixture"),
  hidden: count().default(32).describe("hidden features of the generator"),
  seed: z.int().min(0).default(0).describe("of the noise, which is never drawn again"),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
  epsilon: z.number().positive().default(1e-3).describe("least sum of a query's weights, which fourier may make small"),
  chunk: chunkTokens(64),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => {
  const K = D / c.heads;
  const unit = c.spectrum === "mixture" ? c.components : c.spectrum === "fastfood" ? rowLength(K) : 1;
  return {
    ...{ D, H: c.heads, K, M: c.features, repeats: c.features / unit },
    F: c.map === "fourier" ? 2 * c.features : c.features,
  };
};
type Sizes = ReturnType<typeof dims>;

const params = (d: Sizes, c: C) => ({
  q: matrix(d.D, d.D),
  k: matrix(d.D, d.D),
  v: matrix(d.D, d.D),
  ...spectrumParams(d, c),
  out: matrix(d.D, d.D, { init: "residual" }),
});

/** S: Σ [v, 1] φ(k)ᵀ. */
const state = ({ H, K, F }: Sizes, { causal }: C): { S?: number[] } => (causal ? { S: [H, K + 1, F] } : {});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { S?: Tensor | undefined }>;

export const kernelizedAttention = defineMixer({
  kind: "kernelized-attention",
  title: "Attention with a learned kernel (Kernelized Transformer)",
  cite: { arxiv: "2110.08323", by: "Chowdhury et al. 2022" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "u = x / K^{1/4};  positive: φ(x) = √w ⊙ exp(ω u − |u|²/2);  fourier: φ(x) = √w ⊙ [cos ω u, sin ω u]",
    "mixture: ω = μ_c + σ_c ⊙ n, w = π_c / S;  fastfood: ω = S H G Π H B;  generator: ω = n + W₂ tanh(W₁ n + b);  w = 1/M",
    "y_t = Σ_s (φ(q_t)·φ(k_s)) v_s / max(Σ_s φ(q_t)·φ(k_s), ε),  s ≤ t where causal",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: ({ causal, map }) => ({
    flow: causal ? "causal" : "bidirectional",
    state: causal ? "finite" : "none",
    length: "any",
    batch: "independent",
    smooth: map === "fourier" ? "away from ties" : "everywhere",
    exact: "bitwise",
  }),
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, at.c.causal ? (input) => decayScan({ ...input, chunk: at.c.chunk }) : sumAll),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, decayStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, sums: typeof decayStep) {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const columns = (name: "q" | "k" | "v") => toColumns(x_BTD, value(p[name])).reshape([d.H, d.K, B, T]);
  const real = (x: Tensor) => (io.mask_BT ? where(io.mask_BT, x, 0) : x);
  const v = columns("v");
  const ones = v.slice(1, 0, 1).mul(0).add(1);
  const { o_HVBT, S_BHVK } = sums({
    q_GKBT: featuresOf(columns("q"), { c, d, p }),
    k_GKBT: real(featuresOf(columns("k"), { c, d, p })),
    v_HVBT: concat(1, [v, ones]),
    S_BHVK: s.S,
  });
  const y_HVBT = o_HVBT.slice(1, 0, d.K).div(o_HVBT.slice(1, d.K).maximum(c.epsilon));
  return { y: fromColumns(y_HVBT.reshape([d.D, B, T]), value(p.out)), s: c.causal ? { S: S_BHVK } : {} };
}

/** φ of x [H, K, B, T] as [H, F, B, T]. */
export function featuresOf(x: Tensor, { c, d, p }: Pick<At, "c" | "d" | "p">): Tensor {
  const [B, T] = [x.dim(2), x.dim(3)];
  const u = x.reshape([d.H, d.K, B * T]).mul(d.K ** -0.25);
  const { angles, shares } = projected(u, { c, d, p });
  const weights = shares ? shares.sqrt() : d.M ** -0.5;
  if (c.map === "fourier")
    return concat(1, [angles.cos().mul(weights), angles.sin().mul(weights)]).reshape([d.H, d.F, B, T]);
  const exponents = angles.sub(u.square().sum(1, true).div(2));
  return exponents.exp().mul(weights).reshape([d.H, d.F, B, T]);
}
