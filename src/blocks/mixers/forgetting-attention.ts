/**
 * Forgetting attention (FoX): softmax attention whose scores lose the log of a forget gate for every token in between, which
 * also tells positions apart. The cache keeps the sums of log gates up to each key, and the sum so far.
 * Axes: B batch, T new tokens, C cached tokens, S both, D model, H query heads, G key heads of K channels.
 */
import { z } from "zod";
import { blockwiseAttention } from "../../ops/index.ts";
import { concat, logSigmoid, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type GrowingState, type MaybeState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, type Weight, type Weights } from "../weights/use.ts";
import { cacheOf } from "./attention-cache.ts";
import { mergeHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of query heads"),
  kvHeads: z.int().positive().optional().describe("number of key and value heads; must divide heads (the default)"),
  headSize: z.int().positive().optional().describe("channels per head; default model width / heads"),
  window: z.int().positive().optional().describe("tokens a query sees, itself included; all if absent"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const G = c.kvHeads ?? c.heads;
  return { D, H: c.heads, G, K: c.headSize ?? D / c.heads, shared: c.heads / G };
}
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, G, K }: Sizes) => ({
  q: matrix(D, H * K),
  k: matrix(D, G * K),
  v: matrix(D, G * K),
  forget: matrix(D, H),
  forgetBias: bias(H),
  out: matrix(H * K, D, { init: "residual" }),
});

function state({ G, H, K }: Sizes, { window }: C) {
  const ring = window !== undefined && { window };
  const entries: GrowingState = { shape: (tokens) => [G, tokens, K], axis: 1, ...ring };
  const sums: GrowingState = { shape: (tokens) => [H, tokens], axis: 1, ...ring };
  return { k: entries, v: entries, forgotten: sums, total: [H] };
}

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const forgettingAttention = defineMixer({
  kind: "forgetting-attention",
  title: "Forgetting attention (FoX)",
  cite: { arxiv: "2503.02130", by: "Lin et al. 2025" },
  equations: [
    "f_t = σ(W_f x_t + b)   (per head)",
    "a_ts = softmax_s(q_t·k_s / √K + Σ_{s < l ≤ t} log f_l),  s ≤ t",
    "y_t = concat_h(Σ_s a_ts v_s)·W_out",
  ],
  config,
  dims,
  params,
  tune: [{ key: "headSize", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: ({ window }) => ({
    flow: "causal",
    state: window === undefined ? "growing" : "finite",
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
function attend(x_BTD: Tensor, { c, d, p, s, io }: At) {
  const T = x_BTD.dim(1);
  const heads = (weight: Weight, count: number) => linear(x_BTD, weight).reshape([-1, T, count, d.K]).swap(1, 2);
  const [k, v] = [heads(p.k, d.G), heads(p.v, d.G)];
  const forgotten = forgottenUpTo(x_BTD, { p, s, io });
  const cached = cacheOf({ k: s.k, v: s.v }, { length_B: io.length_B, queries: T, window: c.window });
  const earlier = cached && s.forgotten?.slice(2, 0, cached.k_BGCK.dim(2));
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: heads(p.q, d.H),
    k_BGTK: k,
    v_BGTV: v,
    causal: true,
    window: c.window,
    cached,
    mask_BT: io.mask_BT,
    scale: d.K ** -0.5,
    bias(queries, keys) {
      const recent = forgotten.slice(2, keys.start, keys.end);
      const sources = earlier ? concat(2, [earlier, recent]) : recent;
      return forgotten.slice(2, queries.start, queries.end).unsqueeze(-1).sub(sources.unsqueeze(-2));
    },
  });
  return { y: linear(mergeHeads(y_BHTV), p.out), s: { k, v, forgotten, total: forgotten.at(2, -1) } };
}

/** Σ log f up to each token since the sequence began: [B, H, T]; padding forgets nothing. */
function forgottenUpTo(x_BTD: Tensor, { p, s, io }: Pick<At, "p" | "s" | "io">): Tensor {
  const logs = logSigmoid(linear(x_BTD, p.forget, p.forgetBias)).swap(1, 2);
  const sums = (io.mask_BT ? logs.mul(io.mask_BT.cast("f32").unsqueeze(1)) : logs).cumsum(-1);
  return s.total ? sums.add(s.total.unsqueeze(-1)) : sums;
}
