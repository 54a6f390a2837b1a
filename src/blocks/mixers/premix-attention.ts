/**
 * Attention that mixes tokens before it maps them: a head averages the inputs themselves, and a small network of its own, an expert
 * of two matrices, takes the place of the products with values and output.
 * Axes: B batch, T new tokens, D model, H heads, K head size, F hidden features of a head.
 */
import { z } from "zod";
import { blockwiseAttention } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { growingCache, wholeSequence } from "../capabilities.ts";
import { activationSchema, activations, smoothnessOf } from "../channels/activation.ts";
import { defineMixer, type GrowingState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { positionBias } from "./attention-blocks.ts";
import { cacheOf, positionsOf } from "./attention-cache.ts";
import { splitHeads } from "./attention-heads.ts";
import { attentionPositions, positionDims, positionHooks, positionParams, rotatedSize } from "./attention-positions.ts";

const count = () => z.int().positive();

const config = z.strictObject({
  heads: count().default(4).describe("heads, each with an expert"),
  headSize: count().optional().describe("width of queries and keys (default: model width / heads)"),
  hidden: count().optional().describe("features of an expert's hidden layer (default: model width / heads)"),
  activation: activationSchema.default("identity").describe("nonlinearity of the experts; identity: linear attention"),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
  positions: attentionPositions,
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => {
  const [H, K] = [c.heads, c.headSize ?? D / c.heads];
  const around = { K, heads: H, kvHeads: H, model: D };
  return { D, H, K, F: c.hidden ?? D / c.heads, ...positionDims(c.positions, around) };
};
type Sizes = ReturnType<typeof dims>;

const params = (d: Sizes, c: C) => ({
  qk: matrix(d.D, 2 * d.H * d.K),
  ...positionParams(c.positions, d),
  up: tensor([d.H, d.D, d.F], { kind: "normal", std: 1 / Math.sqrt(d.D) }),
  down: matrix(d.H * d.F, d.D, { init: "residual" }),
});

type State = { k_BHTK?: GrowingState; x_BTD?: GrowingState };
type Stored = { k_BHTK?: Tensor | undefined; x_BTD?: Tensor | undefined };
type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, Stored>;

export const premixAttention = defineMixer({
  kind: "premix-attention",
  title: "Pre-mixing attention (UMoE)",
  cite: { arxiv: "2505.07260", by: "Yang et al. 2025 (UMoE)" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "a^h = softmax(q^h k^hᵀ / √K),  s ≤ t where causal",
    "m_t^h = Σ_s a^h_ts x_s   (the inputs themselves)",
    "y_t = Σ_h φ(m_t^h W_v^h) W_o^h   (φ = identity: multi-head attention)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT", "positions_BT"],
  capabilities: ({ causal, activation }) => ({
    ...(causal ? growingCache : wholeSequence),
    smooth: smoothnessOf(activation),
  }),
  state: (d, { causal }): State =>
    causal
      ? {
          k_BHTK: { shape: (tokens) => [d.H, tokens, rotatedSize(d)], axis: 1 },
          x_BTD: { shape: (tokens) => [tokens, d.D], axis: 0 },
        }
      : {},
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, at: At) {
  const { c, d, p, s, io } = at;
  const positions_BT = positionsOf(io, x_BTD.dim(1));
  const hooks = positionHooks(c.positions, at);
  const [q, k] = splitHeads(linear(x_BTD, p.qk), 2 * d.H).split(1, [d.H, d.H]) as [Tensor, Tensor];
  const q_BHTK = hooks.rotate(q, positions_BT, "query");
  const k_BHTK = hooks.rotate(k, positions_BT, "key");
  // All heads mix the same inputs.
  const forAll = (x: Tensor) => x.unsqueeze(1).expand([x.dim(0), d.H, x.dim(1), d.D]);
  const stored = { k: s.k_BHTK, v: s.x_BTD && forAll(s.x_BTD) };
  const cached = cacheOf(stored, { length_B: io.length_B, queries: x_BTD.dim(1), window: undefined });
  const scale = d.K ** -0.5;
  const seen = { x_BTD, q_BHTK, k_BGTK: k_BHTK, scale, cached, hooks };
  const { y_BHTV, weights_BHTS } = blockwiseAttention({
    q_BHTK,
    k_BGTK: k_BHTK,
    v_BGTV: forAll(x_BTD),
    scale,
    causal: c.causal,
    cached,
    bias: positionBias(seen, { positions_BT, heads: d.H }),
    mask_BT: io.mask_BT,
  });
  return {
    y: experts(y_BHTV, { c, d, p }),
    s: c.causal ? { k_BHTK, x_BTD } : {},
    probes: { weights_BHTS },
  };
}

/** Σ over heads of an expert each: mixed inputs [B, H, T, D] → [B, T, D]. */
function experts(mixed_BHTD: Tensor, { c, d, p }: Pick<At, "c" | "d" | "p">): Tensor {
  const hidden = activations[c.activation](mixed_BHTD.matmul(value(p.up)));
  const [B, , T] = mixed_BHTD.shape as [number, number, number, number];
  return linear(hidden.swap(1, 2).reshape([B, T, d.H * d.F]), p.down);
}
