/**
 * Longformer: every token sees its neighbours; a few global tokens, which have maps of their own, see and are seen by all.
 * Axes: B batch, T time, D model, H heads of K features, M global tokens.
 */
import { z } from "zod";
import { blockwiseAttention, type Span, scaledDotProduct } from "../../ops/index.ts";
import { concat, iota, type Tensor, where } from "../../tensor/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer, type Io } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, type Weight, type Weights } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  radius: z.int().positive().default(64).describe("farthest neighbour that a token sees on either side"),
  globals: z.int().positive().default(1).describe("tokens at the beginning that see and are seen by all"),
  bias: z.boolean().default(false).describe("offsets of all maps"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads });
type Sizes = ReturnType<typeof dims>;

const params = ({ D }: Sizes, c: C) => ({
  qkv: matrix(D, 3 * D),
  globalQkv: matrix(D, 3 * D),
  out: matrix(D, D, { init: "residual" }),
  ...(c.bias && { qkvBias: bias(3 * D), globalQkvBias: bias(3 * D), outBias: bias(D) }),
});

interface At {
  c: C;
  d: Sizes;
  p: Weights<ReturnType<typeof params>>;
  io: Io;
}

/** Which tokens are global: rows of a token's place, one for each, [B or 1, M, T], and whether the place is taken, [B or 1, M]. */
export interface GlobalTokens {
  places_BMT: Tensor;
  taken_BM: Tensor;
}

export const longformer = defineMixer({
  kind: "longformer",
  title: "Longformer attention",
  cite: { arxiv: "2004.05150", by: "Beltagy et al. 2020, section 3.1" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "y_t = Σ_s softmax_s(q_t·k_s / √K) v_s,  |t − s| ≤ radius or s global",
    "y_g = Σ_s softmax_s(q^G_g·k^G_s / √K) v^G_s for global tokens g, over all s, with maps of their own",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: wholeSequence,
  state: () => ({}),
  forward: (x_BTD, at) => ({ y: longformerMix(x_BTD, firstTokens(x_BTD.dim(1), at.c.globals), at), s: {} }),
});

/** The first `count` tokens are global; there may be fewer. */
function firstTokens(tokens: number, count: number): GlobalTokens {
  const places = iota(Math.min(count, tokens));
  const places_BMT = places.unsqueeze(1).equal(iota(tokens)).cast("f32").unsqueeze(0);
  return { places_BMT, taken_BM: places.greaterEqual(0).unsqueeze(0) };
}

/** Its mixing, whichever tokens are global. */
export function longformerMix(x_BTD: Tensor, globals: GlobalTokens, { c, d, p, io }: At): Tensor {
  const heads = (x: Tensor, weight: Weight, offset: Weight | undefined) =>
    splitHeads(linear(x, weight, offset), 3 * d.H).split(1, [d.H, d.H, d.H]) as [Tensor, Tensor, Tensor];
  const local = neighbours(heads(x_BTD, p.qkv, p.qkvBias), globals, { c, d, io });
  const [q, k, v] = heads(x_BTD, p.globalQkv, p.globalQkvBias);
  const places = globals.places_BMT.unsqueeze(1);
  const seen = io.mask_BT?.unsqueeze(1).unsqueeze(1);
  const global_BHMK = scaledDotProduct({ q: places.matmul(q), k, v }, { mask: seen });
  const placed_BHTK = places.matmul(global_BHMK, { transA: true });
  const y_BTD = mergeHeads(where(globalTokens(globals).unsqueeze(1).unsqueeze(3), placed_BHTK, local));
  return linear(io.mask_BT ? y_BTD.mul(io.mask_BT.cast("f32").unsqueeze(2)) : y_BTD, p.out, p.outBias);
}

/** bool [B or 1, T]. */
const globalTokens = ({ places_BMT, taken_BM }: GlobalTokens): Tensor =>
  places_BMT.mul(taken_BM.cast("f32").unsqueeze(2)).sum(1).greater(0);

/** Attention to neighbours and to the global tokens, each key once. */
function neighbours(
  [q_BHTK, k_BHTK, v_BHTK]: readonly [Tensor, Tensor, Tensor],
  globals: GlobalTokens,
  { c, d, io }: Omit<At, "p">,
): Tensor {
  const M = globals.places_BMT.dim(1);
  const at = (x: Tensor) => globals.places_BMT.unsqueeze(1).matmul(x);
  const exists_BM = io.mask_BT && globals.places_BMT.matmul(io.mask_BT.cast("f32").unsqueeze(2)).squeeze(2).greater(0);
  const visible_BM = exists_BM ? globals.taken_BM.and(exists_BM) : globals.taken_BM;
  // Global keys stand in front, and are left out among the neighbours.
  const ordinary_BT = globalTokens(globals).not();
  const front = iota(M)
    .greaterEqual(0)
    .unsqueeze(0)
    .expand([ordinary_BT.dim(0), M]);
  return blockwiseAttention({
    q_BHTK,
    k_BGTK: k_BHTK,
    v_BGTV: v_BHTK,
    causal: false,
    window: c.radius + 1,
    cached: {
      k_BGCK: at(k_BHTK),
      v_BGCV: at(v_BHTK),
      visible_BTC: visible_BM.unsqueeze(1),
    },
    mask_BT: io.mask_BT,
    sees: (_: Span, keys: Span) =>
      concat(1, [front, ordinary_BT.slice(1, keys.start, keys.end)])
        .unsqueeze(1)
        .unsqueeze(1),
    scale: d.K ** -0.5,
  }).y_BHTV;
}
