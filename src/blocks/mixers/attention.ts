import { z } from "zod";
import { blockwiseAttention } from "../../ops/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type GrowingState, type Io } from "../define.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { cacheOf, keyPositions, positionsOf } from "./attention-cache.ts";
import { mergeHeads, projectHeads } from "./attention-heads.ts";
import { normaliseHeads, normParams, queryKeyNorms } from "./attention-norm.ts";
import { attentionPositions, positionDims, positionHooks, positionParams } from "./attention-positions.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("query heads"),
  kvHeads: z
    .int()
    .positive()
    .optional()
    .describe("key and value heads, each shared by heads / kvHeads query heads (default: heads)"),
  headSize: z.int().positive().optional().describe("width of a head (default: model width / heads)"),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
  window: z
    .int()
    .positive()
    .optional()
    .describe("distance in tokens from which keys are not seen, the token itself counted (default: none)"),
  positions: attentionPositions,
  bias: z.boolean().default(false).describe("offsets on queries, keys and values"),
  outBias: z.boolean().default(false).describe("offset on the output"),
  qkNorm: z
    .enum(queryKeyNorms)
    .default("none")
    .describe(
      "norm of queries and keys: rms or layer a head, rms-wide over all heads, l2 with a learned temperature in place of the scale",
    ),
  normEpsilon: z.number().positive().default(1e-6).describe("added to the mean square or variance by qkNorm"),
  softcap: z.number().positive().optional().describe("c: scores become c·tanh(score / c) (default: none)"),
  sinks: z.boolean().default(false).describe("a learned logit a head that takes weight away from all keys"),
  scale: z
    .union([z.enum(["rsqrt", "inverse", "none"]), z.number().positive()])
    .default("rsqrt")
    .describe("factor on q·k: rsqrt 1/√headSize, inverse 1/headSize (µP), none 1, or a number"),
  weightDropout: z.number().min(0).lt(1).default(0).describe("probability of dropping an attention weight in training"),
});
type Config = z.infer<typeof config>;

const dims = (c: Config, D: number) => {
  const [H, G, K] = [c.heads, c.kvHeads ?? c.heads, c.headSize ?? D / c.heads];
  return { D, H, G, K, queriesPerKey: H / G, ...positionDims(c.positions, { K, heads: H }) };
};
type Dims = ReturnType<typeof dims>;

const params = (d: Dims, c: Config) => ({
  qkv: matrix(d.D, (d.H + 2 * d.G) * d.K),
  ...(c.bias && { qkvBias: bias((d.H + 2 * d.G) * d.K) }),
  ...normParams(c.qkNorm, d),
  ...(c.sinks && { sink: vector(d.H) }),
  ...positionParams(c.positions, d),
  out: matrix(d.H * d.K, d.D, { init: "residual" }),
  ...(c.outBias && { outBias: bias(d.D) }),
});

/** A bidirectional mixer carries nothing. */
type State = { k_BHTK?: GrowingState; v_BHTK?: GrowingState };
interface Context {
  c: Config;
  d: Dims;
  p: Weights<ReturnType<typeof params>>;
  s: { k_BHTK?: Tensor | undefined; v_BHTK?: Tensor | undefined };
  io: Io;
}

/**
 * Softmax attention with any number of key heads (MHA, GQA, MQA), full, causal or within a window.
 * Axes: B batch, T new tokens, C cached tokens, S both, D model, H query heads, G key heads, K head size.
 * Decoding keeps keys (already rotated) and values; with a window, those of the last `window` tokens.
 */
export const attention = defineMixer({
  kind: "attention",
  title: "Softmax attention",
  cite: { arxiv: "1706.03762", by: "Vaswani et al. 2017" },
  equations: [
    "q_t, k_t, v_t = x_t·W_q, x_t·W_k, x_t·W_v  (per head; k and v shared by H/G heads)",
    "a_ts = softmax_s(q_t·k_s / √K + bias_ts),  s ≤ t",
    "y_t = concat_h(Σ_s a_ts v_s)·W_out",
  ],
  config,
  dims,
  params,
  capabilities: ({ causal, window }) => ({
    flow: causal ? "causal" : "bidirectional",
    state: !causal ? "none" : window === undefined ? "growing" : "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  reads: ["mask_BT", "positions_BT"],
  tune: [{ key: "headSize", unit: 2 }],
  state: ({ G, K }, { causal, window }): State => {
    const entries: GrowingState = {
      shape: (tokens) => [G, tokens, K],
      axis: 1,
      ...(window !== undefined && { window }),
    };
    return causal ? { k_BHTK: entries, v_BHTK: entries } : {};
  },
  forward: (x_BTD, at) => attend(x_BTD, at),
  step(x_BD, at) {
    const { y, ...rest } = attend(x_BD.unsqueeze(1), at);
    return { y: y.squeeze(1), ...rest };
  },
});

/** New tokens over the cached ones and themselves: decoding is the case of one. */
function attend(x_BTD: Tensor, { c, d, p, s, io }: Context) {
  const T = x_BTD.dim(1);
  const hooks = positionHooks(c.positions, { d, p, io });
  const positions_BT = positionsOf(io, T);
  const [q, k, v_BGTV] = projectHeads(x_BTD, { c, p }, d);
  const { q_BHTK, k_BGTK } = normaliseHeads(q, k, { c, p });
  const rotated = hooks.rotate(k_BGTK, positions_BT);
  const cached = cacheOf({ k: s.k_BHTK, v: s.v_BHTK }, { length_B: io.length_B, queries: T, window: c.window });
  const { y_BHTV, weights_BHTS } = blockwiseAttention({
    q_BHTK: hooks.rotate(q_BHTK, positions_BT),
    k_BGTK: rotated,
    v_BGTV,
    causal: c.causal,
    window: c.window,
    cached,
    mask_BT: io.mask_BT,
    scale: scaleOf(c, d.K),
    softcap: c.softcap,
    sink_H: p.sink && value(p.sink),
    bias:
      hooks.bias &&
      ((queries, keys) =>
        hooks.bias!(
          positions_BT.slice(1, queries.start, queries.end),
          keyPositions(cached, positions_BT.slice(1, keys.start, keys.end)),
          d.H,
        )),
    drop: (weights, queries) => dropWeights(weights, c.weightDropout, { io, label: `weights.${queries.start}` }),
  });
  return {
    y: linear(mergeHeads(y_BHTV), p.out, p.outBias),
    s: c.causal ? { k_BHTK: rotated, v_BHTK: v_BGTV } : {},
    probes: { weights_BHTS },
  };
}

function scaleOf({ scale, qkNorm }: Config, K: number): number {
  if (qkNorm === "l2") return 1;
  if (typeof scale === "number") return scale;
  return { rsqrt: K ** -0.5, inverse: 1 / K, none: 1 }[scale];
}

function dropWeights(weights: Tensor, prob: number, { io, label }: { io: Io; label: string }): Tensor {
  if (prob === 0 || io.mode === "eval") return weights;
  const keep = io.rng(label).uniform(weights.shape).greaterEqual(prob);
  return where(keep, weights.div(1 - prob), 0);
}
