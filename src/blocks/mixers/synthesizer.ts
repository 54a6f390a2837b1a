/**
 * Synthesizer: attention whose weights are not products of queries and keys, but predicted by each token alone, or learned as a table.
 * Axes: B batch, T new tokens, C cached tokens, D model, H heads, V value size, L tokens at most, R rank.
 */
import { z } from "zod";
import { concat, iota, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type GrowingState, type MixerContext } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { cacheOf, keyPositions, positionsOf } from "./attention-cache.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";
import { assertTokens } from "./max-tokens.ts";

const count = () => z.int().positive();

const config = z.strictObject({
  heads: headsOfWidth(),
  weights: z
    .enum(["dense", "factorised-dense", "random", "factorised-random"])
    .default("dense")
    .describe(
      "logits of a token: a net of two layers of it, the products of two short vectors of it, a row of a learned table, or of a table of low rank",
    ),
  maxTokens: count().default(256).describe("longest sequence; a shorter one uses the first logits"),
  rank: count()
    .default(8)
    .describe("of factorised-random; length of the first vector of factorised-dense, which must divide maxTokens"),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({
  D,
  H: c.heads,
  V: D / c.heads,
  L: c.maxTokens,
  R: c.rank,
  ...(c.weights === "factorised-dense" && { second: c.maxTokens / c.rank }),
});
type Sizes = ReturnType<typeof dims>;

/** Parameters of the logits, of H heads each; `hidden` are as wide as a head. */
function logitParams({ D, H, V, L, R, second = 1 }: Sizes, { weights }: C) {
  const normal = (inputs: number) => ({ kind: "normal", std: 1 / Math.sqrt(inputs) }) as const;
  const net = weights === "dense" || weights === "factorised-dense";
  const outputs = weights === "dense" ? L : R + second;
  return {
    ...(net && { hidden: matrix(D, D), hiddenBias: bias(D), logits: tensor([H, V, outputs], normal(V)) }),
    ...(weights === "random" && { table: tensor([H, L, L], normal(1)) }),
    ...(weights === "factorised-random" && {
      rows: tensor([H, L, R], normal(Math.sqrt(R))),
      columns: tensor([H, L, R], normal(Math.sqrt(R))),
    }),
  };
}

const params = (d: Sizes, c: C) => ({
  ...logitParams(d, c),
  v: matrix(d.D, d.D),
  out: matrix(d.D, d.D, { init: "residual" }),
});

type State = { v_BHTV?: GrowingState };
type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { v_BHTV?: Tensor | undefined }>;

export const synthesizer = defineMixer({
  kind: "synthesizer",
  title: "Synthesizer",
  cite: { arxiv: "2005.00743", by: "Tay et al. 2021" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "dense: B_t = W₂ relu(W₁ x_t + b);  random: B = R, learned",
    "factorised-dense: B_ts = a_t[s mod R] · b_t[⌊s / R⌋],  [a_t, b_t] = W₂ relu(W₁ x_t + b);  factorised-random: B = R₁ R₂ᵀ",
    "y_t = concat_h(Σ_s softmax_s(B_ts) v_s) W_o,  s ≤ t where causal",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: c.causal ? "causal" : "bidirectional",
    state: c.causal ? "growing" : "none",
    length: "max",
    batch: "independent",
    smooth: c.weights.endsWith("dense") ? "away from ties" : "everywhere",
    exact: "bitwise",
  }),
  state: ({ H, V }, { causal }): State => (causal ? { v_BHTV: { shape: (tokens) => [H, tokens, V], axis: 1 } } : {}),
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, at: At) {
  const { c, d, p, s, io } = at;
  const T = x_BTD.dim(1);
  assertTokens("synthesizer", T, c.maxTokens);
  const { positions_BT: _, ...counted } = io;
  const queries_BT = positionsOf(counted, T);
  const v_BHTV = splitHeads(linear(x_BTD, p.v), d.H);
  const cached = cacheOf({ k: s.v_BHTV, v: s.v_BHTV }, { length_B: io.length_B, queries: T, window: undefined });
  const keys_BS = keyPositions(cached, queries_BT)
    .maximum(0)
    .minimum(d.L - 1);
  const later = c.causal ? iota(T).unsqueeze(1).less(iota(T)) : undefined;
  const hidden = [later, io.mask_BT?.not().unsqueeze(1)].filter((mask) => mask !== undefined);
  const recent_BTT = hidden.length > 0 ? hidden.reduce((a, b) => a.or(b)) : undefined;
  const own = columnsAt(logitsOf(x_BTD, queries_BT, at), keys_BS);
  const old = cached ? hide(own.slice(3, 0, own.dim(3) - T), cached.visible_BTC.not()) : undefined;
  const new_BHTT = hide(own.slice(3, own.dim(3) - T), recent_BTT);
  const weights = (old ? concat(3, [old, new_BHTT]) : new_BHTT).softmax(-1);
  const y_BHTV = weights.matmul(cached ? concat(2, [cached.v_BGCV, v_BHTV]) : v_BHTV);
  return {
    y: linear(mergeHeads(y_BHTV), p.out),
    s: c.causal ? { v_BHTV } : {},
    probes: { weights_BHTS: weights },
  };
}

/** Logits [B or 1, H, T, S], those of a mask bool [B or 1, T or 1, S] far below all others. */
const hide = (logits: Tensor, mask: Tensor | undefined): Tensor =>
  mask ? where((mask.rank === 2 ? mask.unsqueeze(0) : mask).unsqueeze(1), -1e30, logits) : logits;

/** Of logits for every place [.., L], those of keys at places i32 [B or 1, S]: [B or 1, H, T, S]. */
function columnsAt(logits_BHTL: Tensor, keys_BS: Tensor): Tensor {
  const [B, H, T] = [Math.max(logits_BHTL.dim(0), keys_BS.dim(0)), logits_BHTL.dim(1), logits_BHTL.dim(2)];
  const all = logits_BHTL.expand([B, H, T, logits_BHTL.dim(3)]);
  return all.gatherElements(
    3,
    keys_BS
      .unsqueeze(1)
      .unsqueeze(1)
      .expand([B, H, T, keys_BS.dim(1)]),
  );
}

/** [B or 1, H, T, L]: for queries at places i32 [B or 1, T]. */
function logitsOf(x_BTD: Tensor, queries_BT: Tensor, { c, d, p }: At): Tensor {
  if (p.logits) {
    const hidden_BHTV = splitHeads(linear(x_BTD, p.hidden!, p.hiddenBias!).relu(), d.H);
    const logits = hidden_BHTV.matmul(value(p.logits));
    return c.weights === "dense" ? logits : products(logits, d);
  }
  const places = queries_BT.minimum(d.L - 1);
  const rowsOf = (table_HLR: Tensor) => table_HLR.gather(1, places).transpose([1, 0, 2, 3]);
  if (p.table) return rowsOf(value(p.table));
  return rowsOf(value(p.rows!)).matmul(value(p.columns!), { transB: true });
}

/** [.., R + L/R] → [.., L]: place s has the product of entry s mod R of the first vector and ⌊s/R⌋ of the second. */
function products(both: Tensor, { R, L }: Sizes): Tensor {
  const [first, second] = both.split(-1, [R, L / R]) as [Tensor, Tensor];
  return second
    .unsqueeze(-1)
    .mul(first.unsqueeze(-2))
    .reshape([...both.shape.slice(0, -1), L]);
}
