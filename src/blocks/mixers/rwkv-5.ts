/**
 * RWKV-5 (5.2, "Eagle") time mixing: a matrix state per head, learned decays per key feature, the present token under a bonus.
 * Axes: B batch, T time, D model, H heads of K channels; columns [H, K, B, T].
 */
import { z } from "zod";
import { type BonusScanInput, bonusScan, bonusStep, type DecayScanResult } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix, vector } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { atRealTokens } from "./deltanet-heads.ts";
import { depthText, gatedOutput, headColumns, headStarts, mixed, mixVector, shiftedRows } from "./rwkv-mix.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  depth: z.number().min(0).max(1).default(0.5).describe(depthText),
  chunk: chunkTokens(16),
  epsilon: z.number().positive().default(64e-5).describe("added to the variance of the output norm"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads });
type Sizes = ReturnType<typeof dims>;

function params({ D, H, K }: Sizes, { depth }: C) {
  const { decay, bonus } = headStarts(depth);
  return {
    mixR: mixVector(D, { power: (1 - depth) / 2 }),
    mixK: mixVector(D, { power: 1 - depth }),
    mixV: mixVector(D, { power: 1 - depth, more: 0.3 * depth }),
    mixG: mixVector(D, { power: (1 - depth) / 2 }),
    r: matrix(D, D),
    k: matrix(D, D),
    v: matrix(D, D),
    gate: matrix(D, D),
    decay: vector([H, K], decay),
    bonus: vector([H, K], bonus),
    normGain: gain(D),
    normOffset: bias(D),
    out: matrix(D, D, { init: "residual" }),
  };
}

const state = ({ D, H, K }: Sizes) => ({ shift: [D], S: [H, K, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const rwkv5 = defineMixer({
  kind: "rwkv-5",
  title: "RWKV-5 time mixing (Eagle)",
  cite: { arxiv: "2404.05892", by: "Peng et al. 2024" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "x^a_t = x_t + μ_a ⊙ (x_{t−1} − x_t);  r, k, v = W x^a;  w = exp(−e^decay)",
    "o_t = (S_{t−1} + v_t (u ⊙ k_t)ᵀ) r_t;  S_t = S_{t−1} diag(w) + v_t k_tᵀ",
    "out = W_o (groupnorm(o_t) ⊙ silu(W_g x^g_t))",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, (input) => bonusScan({ ...input, chunk: at.c.chunk })),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, bonusStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, scan: (input: BonusScanInput) => DecayScanResult) {
  const rows = shiftedRows(x_BTD, { time: 1, last_BD: s.shift, io });
  const k = headColumns(mixed(rows, p.mixK), p.k, d.H);
  const rate = value(p.decay).exp().neg().reshape([d.H, d.K, 1, 1]);
  const { o_HVBT, S_BHVK } = scan({
    r_HKBT: headColumns(mixed(rows, p.mixR), p.r, d.H),
    k_HKBT: k,
    v_HVBT: atRealTokens(headColumns(mixed(rows, p.mixV), p.v, d.H), io),
    logDecay_HKBT: atRealTokens(rate.expand(k.shape), io),
    bonus_HK: value(p.bonus),
    S_BHVK: s.S,
  });
  const gate = headColumns(mixed(rows, p.mixG), p.gate, d.H);
  return { y: gatedOutput(o_HVBT, gate, { p, epsilon: c.epsilon }), s: { shift: rows.last_BD, S: S_BHVK } };
}
