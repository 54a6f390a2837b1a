/**
 * Attention with its matrices merged: one for the similarity of tokens in place of queries and keys, and one, or none, in place of
 * values and output. Axes: B batch, T new tokens, D model.
 */
import { z } from "zod";
import { blockwiseAttention } from "../../ops/index.ts";
import { constant, type Tensor } from "../../tensor/index.ts";
import { growingCache, wholeSequence } from "../capabilities.ts";
import { defineMixer, type GrowingState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { cacheOf } from "./attention-cache.ts";

const config = z.strictObject({
  similarity: z
    .enum(["full", "symmetric", "none"])
    .default("full")
    .describe("W between two tokens: any matrix, a symmetric one (half the parameters), or the identity"),
  values: z
    .enum(["none", "full"])
    .default("none")
    .describe("none: tokens themselves are averaged; full: one matrix, the product of a head's values and output"),
  scale: z.number().positive().optional().describe("factor on x W xᵀ (default: 1/√width)"),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
});
type C = z.infer<typeof config>;

const dims = (_c: C, D: number) => ({ D });
type Sizes = ReturnType<typeof dims>;

const params = ({ D }: Sizes, c: C) => ({
  ...(c.similarity === "full" && { similarity: matrix(D, D) }),
  ...(c.similarity === "symmetric" && {
    similarity: tensor([(D * (D + 1)) / 2], { kind: "normal", std: 1 / Math.sqrt(D) }),
  }),
  ...(c.values === "full" && { values: matrix(D, D, { init: "residual" }) }),
});

/** Tokens are keys and values at once: half of what attention of one head keeps. */
type State = { x_BTD?: GrowingState };
type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { x_BTD?: Tensor | undefined }>;

export const collapsedAttention = defineMixer({
  kind: "collapsed-attention",
  title: "Attention with merged matrices",
  cite: { arxiv: "2410.13732", by: "Bermeitinger et al. 2024" },
  patterns: ["higher-order"],
  equations: [
    "a_ts = softmax_s(x_tᵀ W x_s / √D),  s ≤ t where causal",
    "y_t = Σ_s a_ts x_s   (values full: times W_vo)",
    "symmetric: W = L + Lᵀ − diag L from D(D + 1)/2 numbers, the lower triangle row by row",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: ({ causal }) => (causal ? growingCache : wholeSequence),
  state: ({ D }, { causal }): State => (causal ? { x_BTD: { shape: (tokens) => [tokens, D], axis: 0 } } : {}),
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At) {
  const head = (x: Tensor) => x.unsqueeze(1);
  const stored = s.x_BTD && head(s.x_BTD);
  const queries = c.similarity === "none" ? x_BTD : x_BTD.matmul(similarityOf(p.similarity!, d.D));
  const { y_BHTV, weights_BHTS, scores_BHTS } = blockwiseAttention({
    q_BHTK: head(queries),
    k_BGTK: head(x_BTD),
    v_BGTV: head(x_BTD),
    scale: c.scale ?? d.D ** -0.5,
    causal: c.causal,
    cached: cacheOf({ k: stored, v: stored }, { length_B: io.length_B, queries: x_BTD.dim(1), window: undefined }),
    mask_BT: io.mask_BT,
  });
  const mixed = y_BHTV.squeeze(1);
  return {
    y: p.values ? linear(mixed, p.values) : mixed,
    s: c.causal ? { x_BTD } : {},
    probes: { weights_BHTS, scores_BHTS },
  };
}

/** W [D, D]; a triangle is mirrored by looking up each pair's one number. */
function similarityOf(w: Weight, D: number): Tensor {
  if (value(w).rank === 2) return value(w);
  const place = (i: number, j: number) => (Math.max(i, j) * (Math.max(i, j) + 1)) / 2 + Math.min(i, j);
  const index = Array.from({ length: D * D }, (_, n) => place(Math.floor(n / D), n % D));
  return value(w).gather(0, constant(index, [D, D], "i32"));
}
