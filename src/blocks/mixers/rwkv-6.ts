/**
 * RWKV-6 ("Finch") time mixing: as RWKV-5, but the mixes with the token before and the decays depend on the input.
 * Axes: B batch, T time, D model, H heads of K channels, M rank of the mixes, R rank of the decay; columns [H, K, B, T].
 */
import { z } from "zod";
import { type BonusScanInput, bonusScan, bonusStep, type DecayScanResult } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, type Init, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { atRealTokens } from "./deltanet-heads.ts";
import {
  depthText,
  gatedOutput,
  headColumns,
  headStarts,
  mixed,
  mixVector,
  type ShiftedRows,
  shiftedRows,
} from "./rwkv-mix.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  mixRank: z.int().positive().default(32).describe("rank of each mix's dependence on the input"),
  decayRank: z.int().positive().default(64).describe("rank of the decay's dependence on the input"),
  depth: z.number().min(0).max(1).default(0.5).describe(depthText),
  chunk: chunkTokens(16),
  epsilon: z.number().positive().default(64e-5).describe("added to the variance of the output norm"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads, M: c.mixRank, R: c.decayRank });
type Sizes = ReturnType<typeof dims>;

const small: Init = { kind: "uniform", low: -0.01, high: 0.01 };

function params({ D, H, K, M, R }: Sizes, { depth }: C) {
  const { decay, bonus } = headStarts(depth);
  const power = 1 - depth;
  return {
    mixX: mixVector(D, { power }),
    mixW: mixVector(D, { power }),
    mixK: mixVector(D, { power }),
    mixV: mixVector(D, { power, more: 0.3 * depth }),
    mixR: mixVector(D, { power: power / 2 }),
    mixG: mixVector(D, { power: power / 2 }),
    mixDown: matrix(D, 5 * M, { init: "zeros" }),
    mixUp: tensor([5, M, D], small),
    r: matrix(D, D),
    k: matrix(D, D),
    v: matrix(D, D),
    gate: matrix(D, D),
    decay: vector(D, decay),
    decayDown: matrix(D, R, { init: "zeros" }),
    decayUp: matrix(R, D, { init: small }),
    bonus: vector([H, K], bonus),
    normGain: gain(D),
    normOffset: bias(D),
    out: matrix(D, D, { init: "residual" }),
  };
}

const state = ({ D, H, K }: Sizes) => ({ shift: [D], S: [H, K, K] });

type P = Weights<ReturnType<typeof params>>;
type At = MixerContext<C, Sizes, P, MaybeState<ReturnType<typeof state>>>;

export const rwkv6 = defineMixer({
  kind: "rwkv-6",
  title: "RWKV-6 time mixing (Finch)",
  cite: { arxiv: "2404.05892", by: "Peng et al. 2024" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "m = tanh((x_t + μ_x ⊙ (x_{t−1} − x_t)) A);  x^a_t = x_t + (μ_a + m_a B_a) ⊙ (x_{t−1} − x_t)  for a = w, k, v, r, g",
    "w_t = exp(−e^{decay + tanh(x^w_t C) E});  r, k, v = W x^a",
    "o_t = (S_{t−1} + v_t (u ⊙ k_t)ᵀ) r_t;  S_t = S_{t−1} diag(w_t) + v_t k_tᵀ",
    "out = W_o (groupnorm(o_t) ⊙ silu(W_g x^g_t))",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "decayRank", unit: 1 },
    { key: "mixRank", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, (input) => bonusScan({ ...input, chunk: at.c.chunk })),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, bonusStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, scan: (input: BonusScanInput) => DecayScanResult) {
  const rows = shiftedRows(x_BTD, { time: 1, last_BD: s.shift, io });
  const inputs = mixedInputs(rows, p);
  const k = headColumns(inputs.k, p.k, d.H);
  const decay = linear(linear(inputs.w, p.decayDown).tanh(), p.decayUp, p.decay).exp().neg();
  const { o_HVBT, S_BHVK } = scan({
    r_HKBT: headColumns(inputs.r, p.r, d.H),
    k_HKBT: k,
    v_HVBT: atRealTokens(headColumns(inputs.v, p.v, d.H), io),
    logDecay_HKBT: atRealTokens(decay.transpose([2, 0, 1]).reshape(k.shape), io),
    bonus_HK: value(p.bonus),
    S_BHVK: s.S,
  });
  const gate = headColumns(inputs.g, p.gate, d.H);
  return { y: gatedOutput(o_HVBT, gate, { p, epsilon: c.epsilon }), s: { shift: rows.last_BD, S: S_BHVK } };
}

/** What decay, keys, values, receptance and gate read: each token mixed with the one before by shares that depend on both. */
function mixedInputs(rows: ShiftedRows, p: P) {
  const [B, T, D] = rows.x.shape as [number, number, number];
  const m = linear(mixed(rows, p.mixX), p.mixDown).tanh();
  const corrections = m
    .reshape([B * T, 5, -1])
    .swap(0, 1)
    .matmul(value(p.mixUp))
    .reshape([5, B, T, D]);
  const input = (i: number, mu: P["mixW"]) => mixed(rows, corrections.at(0, i).add(value(mu)));
  return { w: input(0, p.mixW), k: input(1, p.mixK), v: input(2, p.mixV), r: input(3, p.mixR), g: input(4, p.mixG) };
}
