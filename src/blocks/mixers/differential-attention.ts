/**
 * Differential attention: the difference of two attentions over the same values, so that what both look at by chance cancels.
 * Axes: B batch, T new tokens, D model, P pairs of query heads, G pairs of key heads, K head size; values are 2K wide.
 */
import { z } from "zod";
import { concat, type Tensor } from "../../tensor/index.ts";
import { growingCache } from "../capabilities.ts";
import { defineMixer, type GrowingState, type MaybeState, type MixerContext } from "../define.ts";
import { outputNormEpsilon } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { gain, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";
import { rmsHeads } from "./attention-norm.ts";
import { attentionPositions, positionDims, positionParams, rotatedSize } from "./attention-positions.ts";
import { cachedAttention } from "./cached-attention.ts";

const config = z.strictObject({
  heads: z.int().positive().default(2).describe("pairs of query heads"),
  kvHeads: z
    .int()
    .positive()
    .optional()
    .describe("pairs of key heads, each shared by heads / kvHeads (default: heads)"),
  headSize: z.int().positive().optional().describe("width of one head of a pair (default: model width / heads / 2)"),
  positions: attentionPositions,
  start: z
    .number()
    .default(0.8)
    .describe("λ at the start; the paper takes 0.8 − 0.6·exp(−0.3·layer), layers counted from 0"),
  normGain: z.boolean().default(true).describe("whether the norm of each pair's output has a gain"),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => {
  const [P, G, K] = [c.heads, c.kvHeads ?? c.heads, c.headSize ?? D / c.heads / 2];
  const around = { heads: 2 * P, kvHeads: 2 * G, model: D };
  return { D, P, G, K, shared: P / G, ...positionDims(c.positions, { K, ...around }) };
};
type Sizes = ReturnType<typeof dims>;

const params = (d: Sizes, c: C) => {
  const small = { kind: "normal", std: 0.1 } as const;
  return {
    q: matrix(d.D, 2 * d.P * d.K),
    k: matrix(d.D, 2 * d.G * d.K),
    v: matrix(d.D, 2 * d.G * d.K),
    query1: vector(d.K, small),
    key1: vector(d.K, small),
    query2: vector(d.K, small),
    key2: vector(d.K, small),
    ...positionParams(c.positions, d),
    ...(c.normGain && { norm: gain(2 * d.K) }),
    out: matrix(2 * d.P * d.K, d.D, { init: "residual" }),
  };
};

type State = { k: GrowingState; v: GrowingState };
const state = (d: Sizes): State => ({
  k: { shape: (tokens) => [2 * d.G, tokens, rotatedSize(d)], axis: 1 },
  v: { shape: (tokens) => [d.G, tokens, 2 * d.K], axis: 1 },
});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<State>>;

export const differentialAttention = defineMixer({
  kind: "differential-attention",
  title: "Differential attention",
  cite: { arxiv: "2410.05258", by: "Ye et al. 2024" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "A_i = softmax(q_i k_iᵀ / √K),  i = 1, 2  (causal)",
    "λ = exp(λ_q1·λ_k1) − exp(λ_q2·λ_k2) + λ_start",
    "y = concat_h((1 − λ_start) RMSNorm((A_1 − λ A_2) v)) W_out",
  ],
  config,
  dims,
  params,
  tune: [{ key: "headSize", unit: 2 }],
  reads: ["mask_BT", "positions_BT"],
  capabilities: growingCache,
  state,
  forward: (x_BTD, at) => attend(x_BTD, at),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => attend(x_BTD, at)),
});

function attend(x_BTD: Tensor, { c, d, p, s, io }: At) {
  const heads = (weight: Weight, count: number) => splitHeads(linear(x_BTD, weight), count);
  const [q, k, v] = [heads(p.q, 2 * d.P), heads(p.k, 2 * d.G), heads(p.v, d.G)] as const;
  const both = (values: Tensor) => concat(1, [values, values]);
  const { y_BHTV, k_BGTK } = cachedAttention(
    x_BTD,
    { q_BHTK: q, k_BGTK: k, v_BGTV: both(v) },
    { c: { ...c, causal: true }, d, p, s: { k: s.k, v: s.v && both(s.v) }, io },
  );
  const [first, second] = y_BHTV.split(1, [d.P, d.P]) as [Tensor, Tensor];
  const difference = rmsHeads(first.sub(second.mul(shareOf(p, c.start))), p.norm, c.epsilon);
  return { y: linear(mergeHeads(difference.mul(1 - c.start)), p.out), s: { k: k_BGTK, v } };
}

/** λ [1]. */
function shareOf(p: At["p"], start: number): Tensor {
  const grown = (query: Weight, key: Weight) => value(query).mul(value(key)).sum(0, true).exp();
  return grown(p.query1, p.key1).sub(grown(p.query2, p.key2)).add(start);
}
