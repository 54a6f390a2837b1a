/**
 * Gated linear attention: a matrix state whose decay per key feature depends on the input.
 * Axes: B batch, T time, D model, H heads of K key and V value channels, R rank of the decay; columns […features, B, T].
 */
import { z } from "zod";
import type { DecayScanResult } from "../../ops/index.ts";
import {
  fromColumns,
  type KeyedDecayScanInput,
  keyedDecayScan,
  keyedDecayStep,
  rmsScale,
  toColumns,
} from "../../ops/index.ts";
import { logSigmoid, silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, outputNormEpsilon } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { atRealTokens, gainedRows } from "./deltanet-heads.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  keyRatio: z.number().positive().default(0.5).describe("total key width / model width"),
  valueRatio: z.number().positive().default(1).describe("total value width / model width"),
  decayRank: z.int().positive().default(16).describe("rank of the decay projection"),
  slowness: z.number().positive().default(16).describe("divides log-decay: larger forgets more slowly"),
  chunk: chunkTokens(16),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({
  D,
  H: c.heads,
  K: (D * c.keyRatio) / c.heads,
  V: (D * c.valueRatio) / c.heads,
  R: c.decayRank,
});
type Sizes = ReturnType<typeof dims>;

function params({ D, H, K, V, R }: Sizes) {
  return {
    q: matrix(D, H * K),
    k: matrix(D, H * K),
    v: matrix(D, H * V),
    gate: matrix(D, H * V),
    decayDown: matrix(D, R),
    decayUp: matrix(R, H * K),
    decayBias: bias(H * K),
    norm: gain(V),
    out: matrix(H * V, D, { init: "residual" }),
  };
}

const state = ({ H, V, K }: Sizes) => ({ S: [H, V, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const gla = defineMixer({
  kind: "gla",
  title: "Gated linear attention",
  cite: { arxiv: "2312.06635", by: "Yang et al. 2023" },
  patterns: ["higher-order", "multi-x", "data-gating", "moving-average"],
  equations: [
    "log a_t = log σ(W_up W_down x_t + b) / slowness   (per key feature)",
    "S_t = S_{t−1} diag(a_t) + v_t k_tᵀ;  o_t = S_t q_t / √K",
    "out = W_out (RMSNorm(o_t) ⊙ silu(W_gate x_t))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "decayRank", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, (input) => keyedDecayScan({ ...input, chunk: at.c.chunk })),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, keyedDecayStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, scan: (input: KeyedDecayScanInput) => DecayScanResult) {
  const heads = (weight: Weight) => toColumns(x_BTD, value(weight)).reshape([d.H, -1, x_BTD.dim(0), x_BTD.dim(1)]);
  const decay_CBT = toColumns(linear(x_BTD, p.decayDown), value(p.decayUp)).add(value(p.decayBias).reshape([-1, 1, 1]));
  const q = heads(p.q);
  const { o_HVBT, S_BHVK } = scan({
    q_HKBT: q.mul(d.K ** -0.5),
    k_HKBT: heads(p.k),
    v_HVBT: atRealTokens(heads(p.v), io),
    logDecay_HKBT: atRealTokens(logSigmoid(decay_CBT).div(c.slowness).reshape(q.shape), io),
    S_BHVK: s.S,
  });
  const y = rmsScale(o_HVBT, 1, c.epsilon).mul(silu(heads(p.gate)));
  return { y: fromColumns(y, gainedRows(p, d.V)), s: { S: S_BHVK } };
}
