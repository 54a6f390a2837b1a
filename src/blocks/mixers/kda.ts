/**
 * Kimi Delta Attention: a gated DeltaNet whose state decays per key feature, with gates of low rank.
 * Axes: B batch, T time, D model, H heads of K channels, C convolved channels, W taps, R rank; columns […features, B, T].
 */
import { z } from "zod";
import {
  causalConv,
  causalConvStep,
  type DecayScanResult,
  fromColumns,
  type KeyedDeltaRuleInput,
  keyedDeltaRule,
  keyedDeltaRuleStep,
  rmsScale,
  toColumns,
} from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, convTaps, outputNormEpsilon } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { gain, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import type { ConvolvedForm } from "./convolved-heads.ts";
import { atRealTokens, deltaHeads, gainedRows, strengths } from "./deltanet-heads.ts";
import { kernelInit, logRateInit, stepSizeInit } from "./mamba-init.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  headSize: z.int().positive().optional().describe("key and value channels per head; default model width / heads"),
  rank: z.int().positive().optional().describe("rank of the decay and of the output gate; default the head size"),
  conv: convTaps(),
  chunk: chunkTokens(16),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const K = c.headSize ?? D / c.heads;
  return { D, H: c.heads, K, R: c.rank ?? K, C: 3 * c.heads * K, W: c.conv };
}
type Sizes = ReturnType<typeof dims>;

function params({ D, H, K, R, C, W }: Sizes) {
  return {
    q: matrix(D, H * K),
    k: matrix(D, H * K),
    v: matrix(D, H * K),
    conv: tensor([C, W], kernelInit(W)),
    beta: matrix(D, H),
    decayDown: matrix(D, R),
    decayUp: matrix(R, H * K),
    decayBias: vector(H * K, stepSizeInit()),
    logA: vector(H, logRateInit()),
    gateDown: matrix(D, R),
    gateUp: matrix(R, H * K),
    norm: gain(K),
    out: matrix(H * K, D, { init: "residual" }),
  };
}

const state = ({ C, W, H, K }: Sizes) => ({ conv: [C, W - 1], S: [H, K, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

type Form = ConvolvedForm<KeyedDeltaRuleInput, DecayScanResult>;

export const kda = defineMixer({
  kind: "kda",
  title: "Kimi Delta Attention",
  cite: { arxiv: "2510.26692", by: "Kimi Team 2025" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "[q, k, v] ← silu(conv(W x_t));  q ← q / (|q| √K);  k ← k / |k|;  β_t = σ(W_β x_t)",
    "a_t = exp(−e^logA softplus(W_up W_down x_t + b))   (per key feature)",
    "S_t = S_{t−1} diag(a_t) (I − β_t k_t k_tᵀ) + β_t v_t k_tᵀ;  o_t = S_t q_t",
    "out = W_out (RMSNorm(o_t) ⊙ σ(G_up G_down x_t))",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "headSize", unit: 1 },
    { key: "rank", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) =>
    mix(x_BTD, at, { conv: causalConv, scan: (input) => keyedDeltaRule({ ...input, chunk: at.c.chunk }) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { conv: causalConvStep, scan: keyedDeltaRuleStep })),
});

function mix(x_BTD: Tensor, at: At, form: Form) {
  const { c, d, p, s, io } = at;
  const { q, k, v, conv } = deltaHeads(x_BTD, { weights: p, d: { ...d, G: d.H }, form, state_BCP: s.conv, io });
  const { o_HVBT, S_BHVK } = form.scan({
    q_HKBT: q,
    k_HKBT: k,
    v_HVBT: v,
    beta_HBT: strengths(x_BTD, p.beta, { negEigen: false, io }),
    logDecay_HKBT: atRealTokens(logDecay(x_BTD, at), io),
    bounded: false,
    S_BHVK: s.S,
  });
  const gate = toColumns(linear(x_BTD, p.gateDown), value(p.gateUp)).sigmoid().reshape(o_HVBT.shape);
  const y = rmsScale(o_HVBT, 1, c.epsilon).mul(gate);
  return { y: fromColumns(y, gainedRows(p, d.K)), s: { conv, S: S_BHVK } };
}

function logDecay(x_BTD: Tensor, { d, p }: At): Tensor {
  const rate_CBT = toColumns(linear(x_BTD, p.decayDown), value(p.decayUp)).add(value(p.decayBias).reshape([-1, 1, 1]));
  const rate = rate_CBT.softplus().reshape([d.H, d.K, x_BTD.dim(0), x_BTD.dim(1)]);
  return rate.mul(value(p.logA).exp().neg().reshape([-1, 1, 1, 1]));
}
