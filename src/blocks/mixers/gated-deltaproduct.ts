/**
 * Gated DeltaProduct: several delta rules a token, so that a token can turn the state and not only overwrite one key.
 * Axes: B batch, T time, D model, H heads of K key and V value channels, N rules a token, C convolved channels, W taps;
 * columns […features, B, T] and, where each rule has its own, [..., B, T, N].
 */
import { z } from "zod";
import {
  causalConv,
  causalConvStep,
  type DeltaProductInput,
  type DeltaRuleResult,
  deltaProduct,
  deltaProductStep,
  fromColumns,
  rmsScale,
  toColumns,
  unitScale,
} from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { convTaps, keySizePerHead, outputNormEpsilon, valueSizePerHead } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { gain, matrix, tensor } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { type ConvolvedForm, convolvedHeads } from "./convolved-heads.ts";
import { gainedRows, headDecayParams, headLogDecay, strengths } from "./deltanet-heads.ts";
import { kernelInit } from "./mamba-init.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  rules: z.int().positive().default(2).describe("delta rules (Householder steps) a token"),
  keySize: keySizePerHead(),
  valueSize: valueSizePerHead(),
  conv: convTaps(),
  forget: z.boolean().default(true).describe("whether the state decays, by a gate per head"),
  negEigen: z.boolean().default(true).describe("β in (0, 2) instead of (0, 1): eigenvalues down to −1"),
  chunk: z
    .int()
    .positive()
    .default(64)
    .describe("rules per chunk of the parallel form; changes rounding and speed only"),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const [H, N] = [c.heads, c.rules];
  const [K, V] = [c.keySize ?? D / H, c.valueSize ?? D / H];
  return { D, H, N, K, V, C: H * (K + N * (K + V)), W: c.conv };
}
type Sizes = ReturnType<typeof dims>;

/** Columns of k, v and β stand rule by rule. */
function params({ D, H, N, K, V, C, W }: Sizes, c: C) {
  return {
    q: matrix(D, H * K),
    k: matrix(D, N * H * K),
    v: matrix(D, N * H * V),
    conv: tensor([C, W], kernelInit(W)),
    beta: matrix(D, N * H),
    ...(c.forget && headDecayParams({ D, H })),
    gate: matrix(D, H * V),
    norm: gain(V),
    out: matrix(H * V, D, { init: "residual" }),
  };
}

const state = ({ C, W, H, V, K }: Sizes) => ({ conv: [C, W - 1], S: [H, V, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

type Form = ConvolvedForm<DeltaProductInput, DeltaRuleResult>;

export const gatedDeltaproduct = defineMixer({
  kind: "gated-deltaproduct",
  title: "Gated DeltaProduct",
  cite: { arxiv: "2502.10297", by: "Siems et al. 2025" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "[q, k¹…kᴺ, v¹…vᴺ] ← silu(conv(W x_t));  q ← q / (|q| √K);  kⁱ ← kⁱ / |kⁱ|;  βⁱ = 2σ(Wⁱ_β x_t)",
    "S ← a_t S_{t−1},  a_t = exp(−e^logA softplus(W_a x_t + b))",
    "S ← S (I − βⁱ kⁱ kⁱᵀ) + βⁱ vⁱ kⁱᵀ  for i = 1 … N;  o_t = S_t q_t",
    "out = W_out (RMSNorm(o_t) ⊙ silu(W_gate x_t))",
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
  forward: (x_BTD, at) =>
    mix(x_BTD, at, { conv: causalConv, scan: (input) => deltaProduct({ ...input, chunk: at.c.chunk }) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { conv: causalConvStep, scan: deltaProductStep })),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, form: Form) {
  const { heads, state_BCP } = convolvedHeads(x_BTD, {
    parts: [
      { weight: p.q, heads: d.H },
      { weight: p.k, heads: d.N * d.H },
      { weight: p.v, heads: d.N * d.H },
    ],
    kernel: p.conv,
    conv: form.conv,
    state_BCP: s.conv,
    io,
  });
  const [q, k, v] = heads as [Tensor, Tensor, Tensor];
  const { o_HVBT, S_BHVK } = form.scan({
    q_HKBT: unitScale(q, 1).mul(d.K ** -0.5),
    k_HKBTN: rulesLast(unitScale(k, 1), d.N),
    v_HVBTN: rulesLast(v, d.N),
    beta_HBTN: rulesLast(strengths(x_BTD, p.beta, { negEigen: c.negEigen, io }), d.N),
    logDecay_HBT:
      p.decay &&
      p.decayBias &&
      p.logA &&
      headLogDecay(x_BTD, { decay: p.decay, decayBias: p.decayBias, logA: p.logA }, io),
    S_BHVK: s.S,
  });
  const gate = silu(toColumns(x_BTD, value(p.gate))).reshape(o_HVBT.shape);
  const y = rmsScale(o_HVBT, 1, c.epsilon).mul(gate);
  return { y: fromColumns(y, gainedRows(p, d.V)), s: { conv: state_BCP, S: S_BHVK } };
}

/** [N·H, …, B, T] as [H, …, B, T, N]. */
function rulesLast(x: Tensor, rules: number): Tensor {
  const byRule = x.reshape([rules, -1, ...x.shape.slice(1)]);
  return byRule.transpose([...byRule.shape.keys()].slice(1).concat(0));
}
