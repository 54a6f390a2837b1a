/**
 * Log-linear attention: linear attention with a decay a head, in which tokens fall into buckets of 1, 2, 4 … by their distance
 * and each bucket is read with a weight of its own: a state that grows with the logarithm of the context.
 * Axes: B batch, T time, D model, H heads of K key and V value channels, L levels, C convolved channels, W taps;
 * columns […features, B, T].
 */
import { z } from "zod";
import {
  causalConv,
  causalConvStep,
  type LogLinearInput,
  type LogLinearResult,
  logLinear,
  logLinearStep,
  toColumns,
} from "../../ops/index.ts";
import { type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { convTaps, keySizePerHead, outputNormEpsilon, valueSizePerHead } from "../fields.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import type { ConvolvedForm } from "./convolved-heads.ts";
import {
  atRealTokens,
  deltaDims,
  deltaHeads,
  headDecayParams,
  headLogDecay,
  perHead,
  projectionParams,
} from "./deltanet-heads.ts";
import { gatedOutput } from "./gated-deltanet.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  keySize: keySizePerHead(),
  valueSize: valueSizePerHead(),
  levels: z
    .int()
    .min(2)
    .max(24)
    .default(12)
    .describe("the token itself, buckets of 1, 2, 4 … 2^(levels − 3) tokens, and one of all older ones"),
  conv: convTaps(),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ ...deltaDims(c, D), L: c.levels });
type Sizes = ReturnType<typeof dims>;

function params(d: Sizes) {
  const { D, H, V, L } = d;
  return {
    ...projectionParams(d),
    ...headDecayParams(d),
    levels: matrix(D, H * L),
    levelsBias: bias(H * L, Math.log(Math.E - 1)),
    z: matrix(D, H * V),
    norm: gain(V),
    out: matrix(H * V, D, { init: "residual" }),
  };
}

const state = ({ C, W, H, V, K, L }: Sizes) => ({ conv: [C, W - 1], S: [L - 1, H, V, K], count: [1] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;
type Form = ConvolvedForm<LogLinearInput, LogLinearResult>;

export const logLinearAttention = defineMixer({
  kind: "log-linear-attention",
  title: "Log-linear attention",
  cite: { arxiv: "2506.04761", by: "Guo et al. 2025" },
  patterns: ["higher-order", "multi-x", "data-gating", "moving-average"],
  equations: [
    "[q, k, v] ← silu(conv(W x_t));  q ← q / (|q| √K);  k ← k / |k|;  a_t = exp(−e^logA softplus(W_a x_t + b))",
    "λ_t = softplus(W_λ x_t + c) ∈ ℝᴸ;  level(t, s) = 0 for s = t, else 1 + the highest bit in which t and s differ",
    "o_t = Σ_{s≤t} λ_t[level(t, s)] (a_t ⋯ a_{s+1}) (k_s·q_t) v_s",
    "out = W_out (RMSNorm(o_t) ⊙ silu(W_z x_t))",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "valueSize", unit: 1 },
    { key: "keySize", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, { conv: causalConv, scan: logLinear }),
  step: (x_BD, at) => {
    const { y, s } = mix(x_BD.unsqueeze(1), at, {
      conv: causalConvStep,
      scan: (input) => logLinearStep({ ...input, s: input.s! }),
    });
    return { y: y.squeeze(1), s };
  },
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, form: Form) {
  const { q, k, v, conv } = deltaHeads(x_BTD, { weights: p, d, form, state_BCP: s.conv, io });
  const levels = toColumns(x_BTD, value(p.levels)).add(perHead(p.levelsBias)).softplus();
  const B = x_BTD.dim(0);
  const { o_HVBT, s: next } = form.scan({
    q_HKBT: q,
    k_HKBT: k,
    v_HVBT: atRealTokens(v, io),
    logDecay_HBT: headLogDecay(x_BTD, p, io),
    levels_HLBT: levels.reshape([d.H, d.L, B, x_BTD.dim(1)]),
    s: s.S && { S_BLHVK: s.S, count_B1: s.count ?? zeros([B, 1]) },
    mask_BT: io.mask_BT,
  });
  return { y: gatedOutput(x_BTD, o_HVBT, { c, d, p }), s: { conv, S: next.S_BLHVK, count: next.count_B1 } };
}
