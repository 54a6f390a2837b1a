/**
 * Nexus: attention of higher order. Queries and keys are themselves refined by inner attentions before they meet, with the same
 * matrices at every order. Axes: B batch, T new tokens, D model, H heads, K head size, M order.
 */
import { z } from "zod";
import { blockwiseAttention } from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import { growingCache, wholeSequence } from "../capabilities.ts";
import { defineMixer, type GrowingState, type MixerContext } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { matrix } from "../weights/declare.ts";
import { linear, type Weights } from "../weights/use.ts";
import { cacheOf } from "./attention-cache.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  order: z
    .int()
    .positive()
    .max(8)
    .default(2)
    .describe("attentions, each over the queries and keys that the one before refined; 1: multi-head attention"),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads });
type Sizes = ReturnType<typeof dims>;

const params = ({ D }: Sizes) => ({ qkv: matrix(D, 3 * D), out: matrix(D, D, { init: "residual" }) });

const orders = ({ order }: C): number[] => Array.from({ length: order }, (_, n) => n + 1);

/** Keys of every order, what inner attentions average (queries and keys of order 1, side by side), and values. */
function state({ H, K }: Sizes, c: C): Record<string, GrowingState> {
  if (!c.causal) return {};
  const entries = (width: number): GrowingState => ({ shape: (tokens) => [H, tokens, width], axis: 1 });
  return {
    ...Object.fromEntries(orders(c).map((n) => [`k${n}`, entries(K)])),
    ...(c.order > 1 && { pair: entries(2 * K) }),
    v: entries(K),
  };
}

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, Readonly<Record<string, Tensor | undefined>>>;

export const nexusAttention = defineMixer({
  kind: "nexus-attention",
  title: "Higher-order attention (Nexus)",
  cite: { arxiv: "2512.03377", by: "Chen et al. 2025" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q¹, k¹, v = x W_q, x W_k, x W_v   (per head)",
    "A^n = softmax(q^n k^nᵀ / √K),  s ≤ t where causal;  q^{n+1} = A^n q¹,  k^{n+1} = A^n k¹",
    "y = concat_h(A^M v) W_o   (M the order; no further parameters)",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: ({ causal }) => (causal ? growingCache : wholeSequence),
  state,
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, at: At) {
  const { c, d, p } = at;
  const [q1, k1, v] = splitHeads(linear(x_BTD, p.qkv), 3 * d.H).split(1, [d.H, d.H, d.H]) as [Tensor, Tensor, Tensor];
  const pair = concat(-1, [q1, k1]);
  let [q, k] = [q1, k1];
  const keys: Record<string, Tensor> = { k1 };
  for (const n of orders(c).slice(0, -1)) {
    [q, k] = attend({ q, k, v: pair }, { n, values: "pair", at }).y_BHTV.split(-1, [d.K, d.K]) as [Tensor, Tensor];
    keys[`k${n + 1}`] = k;
  }
  const { y_BHTV, weights_BHTS } = attend({ q, k, v }, { n: c.order, values: "v", at });
  return {
    y: linear(mergeHeads(y_BHTV), p.out),
    s: c.causal ? { ...keys, ...(c.order > 1 && { pair }), v } : {},
    probes: { weights_BHTS },
  };
}

/** Attention of order n over cached entries and new ones. */
function attend(
  { q, k, v }: Record<"q" | "k" | "v", Tensor>,
  { n, values, at: { c, d, s, io } }: { n: number; values: "pair" | "v"; at: At },
) {
  const stored = { k: s[`k${n}`], v: s[values] };
  return blockwiseAttention({
    q_BHTK: q,
    k_BGTK: k,
    v_BGTV: v,
    scale: d.K ** -0.5,
    causal: c.causal,
    cached: cacheOf(stored, { length_B: io.length_B, queries: q.dim(2), window: undefined }),
    mask_BT: io.mask_BT,
  });
}
