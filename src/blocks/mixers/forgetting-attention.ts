/**
 * Forgetting attention (FoX): softmax attention whose scores lose the log of a forget gate for every token in between, which
 * also tells positions apart. The cache keeps the sums of log gates up to each key, and the sum so far.
 * Axes: B batch, T new tokens, C cached tokens, S both, D model, H query heads, G key heads of K channels.
 */
import { z } from "zod";
import { blockwiseAttention, type Span } from "../../ops/index.ts";
import { concat, fail, iota, logSigmoid, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type GrowingState, type MaybeState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, type Weight, type Weights } from "../weights/use.ts";
import { type Cache, cacheOf } from "./attention-cache.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";
import { pairBias } from "./forget-pairs.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of query heads"),
  kvHeads: z.int().positive().optional().describe("number of key and value heads; must divide heads (the default)"),
  headSize: z.int().positive().optional().describe("channels per head; default model width / heads"),
  window: z.int().positive().optional().describe("tokens a query sees, itself included; all if absent"),
  causal: z
    .boolean()
    .optional()
    .describe(
      "false: both sides are seen, each with forget gates of its own, and there is no decoding (default: true)",
    ),
  pairGates: z
    .int()
    .positive()
    .optional()
    .describe(
      "width of queries and keys that give a forget gate for every pair of tokens, causal and without window (default: a gate a token)",
    ),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  if (c.pairGates && (c.window !== undefined || c.causal === false))
    fail({
      code: "E_SPEC_VALUE",
      where: "forgetting-attention.pairGates",
      expected: "causal attention without window",
      got: c.window === undefined ? "causal false" : `window ${c.window}`,
    });
  const G = c.kvHeads ?? c.heads;
  const gates = c.causal === false ? 2 * c.heads : c.heads;
  return { D, H: c.heads, G, K: c.headSize ?? D / c.heads, shared: c.heads / G, gates, P: c.pairGates ?? 1 };
}
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, G, K, P, gates }: Sizes, { pairGates }: C) => ({
  q: matrix(D, H * K),
  k: matrix(D, G * K),
  v: matrix(D, G * K),
  ...(pairGates !== undefined && { pairs: matrix(D, 2 * H * P) }),
  ...(pairGates === undefined && { forget: matrix(D, gates), forgetBias: bias(gates) }),
  out: matrix(H * K, D, { init: "residual" }),
});

type State = {
  k?: GrowingState;
  v?: GrowingState;
  forgotten?: GrowingState;
  total?: number[];
  gateKeys?: GrowingState;
};

function state({ G, H, K, P }: Sizes, { window, causal, pairGates }: C): State {
  if (causal === false) return {};
  const ring = window !== undefined && { window };
  const entries: GrowingState = { shape: (tokens) => [G, tokens, K], axis: 1, ...ring };
  if (pairGates) return { k: entries, v: entries, gateKeys: { shape: (tokens) => [H, tokens, P], axis: 1 } };
  const sums: GrowingState = { shape: (tokens) => [H, tokens], axis: 1, ...ring };
  return { k: entries, v: entries, forgotten: sums, total: [H] };
}

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const forgettingAttention = defineMixer({
  kind: "forgetting-attention",
  title: "Forgetting attention (FoX)",
  cite: { arxiv: "2503.02130", by: "Lin et al. 2025" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "f_t = σ(W_f x_t + b)   (per head)",
    "a_ts = softmax_s(q_t·k_s / √K + Σ_{s < l ≤ t} log f_l),  s ≤ t",
    "pair gates: Σ_{s ≤ l < t} log σ(a_t·b_l / √P) in place of Σ log f_l",
    "y_t = concat_h(Σ_s a_ts v_s)·W_out",
  ],
  config,
  dims,
  params,
  tune: [{ key: "headSize", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: ({ window, causal }) => ({
    flow: causal === false ? "bidirectional" : "causal",
    state: causal === false ? "none" : window === undefined ? "growing" : "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state,
  forward: attend,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => attend(x_BTD, at)),
});

/** New tokens over the cached ones and themselves: decoding is the case of one. */
function attend(x_BTD: Tensor, at: At) {
  const { c, d, p, s, io } = at;
  const T = x_BTD.dim(1);
  const causal = c.causal !== false;
  const heads = (weight: Weight, count: number) => linear(x_BTD, weight).reshape([-1, T, count, d.K]).swap(1, 2);
  const [k, v] = [heads(p.k, d.G), heads(p.v, d.G)];
  const cached = cacheOf({ k: s.k, v: s.v }, { length_B: io.length_B, queries: T, window: c.window });
  const gates = p.pairs ? pairGates(x_BTD, cached, at) : tokenGates(x_BTD, cached, at);
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: heads(p.q, d.H),
    k_BGTK: k,
    v_BGTV: v,
    causal,
    window: c.window,
    cached,
    mask_BT: io.mask_BT,
    scale: d.K ** -0.5,
    bias: gates.bias,
  });
  return { y: linear(mergeHeads(y_BHTV), p.out), s: causal ? { k, v, ...gates.s } : {} };
}

/** What gates add to scores, and what is kept of them. */
interface Gates {
  bias(queries: Span, keys: Span): Tensor;
  s: Record<string, Tensor>;
}

function tokenGates(x_BTD: Tensor, cached: Cache | undefined, { c, p, s, io }: At): Gates {
  const forgotten = forgottenUpTo(x_BTD, { p, s, io });
  const earlier = cached && s.forgotten?.slice(2, 0, cached.k_BGCK.dim(2));
  return {
    bias(queries, keys) {
      const recent = forgotten.slice(2, keys.start, keys.end);
      const sources = earlier ? concat(2, [earlier, recent]) : recent;
      const gap = forgotten.slice(2, queries.start, queries.end).unsqueeze(-1).sub(sources.unsqueeze(-2));
      return c.causal === false ? bySide(gap, queries, keys) : gap;
    },
    s: { forgotten, total: forgotten.at(2, -1) },
  };
}

function pairGates(x_BTD: Tensor, cached: Cache | undefined, { d, p, s, io }: At): Gates {
  const [q_BHTP, k_BHTP] = splitHeads(linear(x_BTD, p.pairs!), 2 * d.H).split(1, [d.H, d.H]) as [Tensor, Tensor];
  const k_BHCP = cached && s.gateKeys?.slice(2, 0, cached.k_BGCK.dim(2));
  const earlier = k_BHCP && { k_BHCP, visible_B1C: cached.visible_BTC };
  const given = { q_BHTP, k_BHTP, earlier, mask_BT: io.mask_BT };
  return { bias: (queries, keys) => pairBias(given, queries, keys), s: { gateKeys: k_BHTP } };
}

/** Of gaps c_t − c_s [B, 2H, T, S], those of the first gates for earlier keys, the others turned round for later ones. */
function bySide(gap: Tensor, queries: Span, keys: Span): Tensor {
  const [past, future] = gap.split(1, [gap.dim(1) / 2, gap.dim(1) / 2]) as [Tensor, Tensor];
  const place = ({ start, end }: Span) => iota(end - start).add(start);
  return where(place(queries).unsqueeze(1).greaterEqual(place(keys)), past, future.neg());
}

/** Σ log f up to each token since the sequence began: [B, H, T]; padding forgets nothing. */
function forgottenUpTo(x_BTD: Tensor, { p, s, io }: Pick<At, "p" | "s" | "io">): Tensor {
  const logs = logSigmoid(linear(x_BTD, p.forget!, p.forgetBias)).swap(1, 2);
  const sums = (io.mask_BT ? logs.mul(io.mask_BT.cast("f32").unsqueeze(1)) : logs).cumsum(-1);
  return s.total ? sums.add(s.total.unsqueeze(-1)) : sums;
}
