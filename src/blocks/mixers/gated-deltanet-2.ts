/**
 * Gated DeltaNet-2: a gated DeltaNet in which what is erased at a key and what is written there have gates of their own, per
 * feature. Axes: B batch, T time, D model, H heads of K key and V value channels, C convolved channels, W taps, R rank;
 * columns […features, B, T].
 */
import { z } from "zod";
import {
  causalConv,
  causalConvStep,
  type DecayScanResult,
  fromColumns,
  type KeyedDeltaInput,
  keyedDelta,
  keyedDeltaStep,
  rmsScale,
  toColumns,
} from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, convTaps, keySizePerHead, outputNormEpsilon, valueSizePerHead } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import type { ConvolvedForm } from "./convolved-heads.ts";
import { atRealTokens, deltaDims, deltaHeads, gainedRows, projectionParams } from "./deltanet-heads.ts";
import { logRateInit, stepSizeInit } from "./mamba-init.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  keySize: keySizePerHead(),
  valueSize: valueSizePerHead(),
  rank: z
    .int()
    .positive()
    .optional()
    .describe("rank of the decay, the two gates and the output gate; default the key size"),
  conv: convTaps(),
  chunk: chunkTokens(16),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const d = deltaDims(c, D);
  return { ...d, R: c.rank ?? d.K };
}
type Sizes = ReturnType<typeof dims>;

function params(d: Sizes) {
  const { D, H, K, V, R } = d;
  return {
    ...projectionParams(d),
    decayDown: matrix(D, R),
    decayUp: matrix(R, H * K),
    decayBias: vector(H * K, stepSizeInit()),
    logA: vector(H, logRateInit()),
    eraseDown: matrix(D, R),
    eraseUp: matrix(R, H * K),
    eraseBias: bias(H * K),
    writeDown: matrix(D, R),
    writeUp: matrix(R, H * V),
    writeBias: bias(H * V),
    gateDown: matrix(D, R),
    gateUp: matrix(R, H * V),
    norm: gain(V),
    out: matrix(H * V, D, { init: "residual" }),
  };
}

const state = ({ C, W, H, V, K }: Sizes) => ({ conv: [C, W - 1], S: [H, V, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;
type Form = ConvolvedForm<KeyedDeltaInput, DecayScanResult>;

export const gatedDeltanet2 = defineMixer({
  kind: "gated-deltanet-2",
  title: "Gated DeltaNet-2",
  cite: { arxiv: "2605.22791", by: "Hatamizadeh et al. 2026" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "[q, k, v] ← silu(conv(W x_t));  q ← q / (|q| √K);  k ← k / |k|",
    "a_t = exp(−e^logA softplus(W_a x_t + c)),  b_t = σ(W_b x_t + c_b) per key feature,  w_t = σ(W_w x_t + c_w) per value feature",
    "S ← S_{t−1} diag(a_t);  S_t = S − S (b_t ⊙ k_t) k_tᵀ + (w_t ⊙ v_t) k_tᵀ;  o_t = S_t q_t",
    "out = W_out (RMSNorm(o_t) ⊙ silu(W_gate x_t))   (all four gates of low rank)",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "rank", unit: 1 },
    { key: "valueSize", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) =>
    mix(x_BTD, at, { conv: causalConv, scan: (input) => keyedDelta({ ...input, chunk: at.c.chunk }) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { conv: causalConvStep, scan: keyedDeltaStep })),
});

function mix(x_BTD: Tensor, at: At, form: Form) {
  const { c, d, p, s, io } = at;
  const { q, k, v, conv } = deltaHeads(x_BTD, { weights: p, d, form, state_BCP: s.conv, io });
  const perHead = (down: Weight, up: Weight, offset?: Weight) => {
    const columns = toColumns(linear(x_BTD, down), value(up));
    const shifted = offset ? columns.add(value(offset).reshape([-1, 1, 1])) : columns;
    return shifted.reshape([d.H, -1, x_BTD.dim(0), x_BTD.dim(1)]);
  };
  const decay = perHead(p.decayDown, p.decayUp, p.decayBias).softplus();
  const { o_HVBT, S_BHVK } = form.scan({
    q_HKBT: q,
    k_HKBT: atRealTokens(k, io),
    v_HVBT: v.mul(perHead(p.writeDown, p.writeUp, p.writeBias).sigmoid()),
    probe_HKBT: k.mul(perHead(p.eraseDown, p.eraseUp, p.eraseBias).sigmoid()).neg(),
    back_HKBT: atRealTokens(k, io),
    probes: "after-decay",
    logDecay_HKBT: atRealTokens(decay.mul(value(p.logA).exp().neg().reshape([-1, 1, 1, 1])), io),
    bounded: false,
    S_BHVK: s.S,
  });
  const y = rmsScale(o_HVBT, 1, c.epsilon).mul(silu(perHead(p.gateDown, p.gateUp)));
  return { y: fromColumns(y, gainedRows(p, d.V)), s: { conv, S: S_BHVK } };
}
