/**
 * Mega: moving averages in front of gated attention with one head. The averages say where a token stands and what is near, attention
 * looks farther, within chunks if so wanted, and two gates decide how much of both replaces the token.
 * Axes: B batch, T new tokens, D model, N averages of a feature, Z width of queries and keys, V width of values.
 */
import { z } from "zod";
import { blockwiseAttention } from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import { growingCache, wholeSequence } from "../capabilities.ts";
import { defineMixer, type GrowingState, type Io, type MixerContext } from "../define.ts";
import { chunkOfPowerOfTwo } from "../fields.ts";
import { nest, unnest } from "../nesting.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";
import { patternOf, positionBias } from "./attention-blocks.ts";
import { cacheOf, positionsOf } from "./attention-cache.ts";
import { attentionPositions, positionDims, positionHooks, positionParams, rotatedSize } from "./attention-positions.ts";
import { bothWays } from "./both-ways.ts";
import { megaEma } from "./mega-ema.ts";

const count = () => z.int().positive();

const config = z.strictObject({
  averages: count().default(16).describe("moving averages of each feature"),
  keySize: count().optional().describe("width of queries and keys (default: half the model width)"),
  valueSize: count().optional().describe("width of values (default: twice the model width)"),
  attentionChunk: count()
    .optional()
    .describe("attention only inside chunks of this many tokens: linear cost (default: none)"),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
  positions: attentionPositions,
  chunk: chunkOfPowerOfTwo(64),
});
type C = z.infer<typeof config>;

/** Mega's own part of the averages: neither skip nor nonlinearity, which come after both directions. */
const emaOptions = ({ averages, chunk }: C) =>
  megaEma.config.parse({ averages, chunk, skip: false, activation: "none", project: false });

const dims = (c: C, D: number) => {
  const K = c.keySize ?? D / 2;
  const around = { K, heads: 1, kvHeads: 1, model: D };
  return { D, N: c.averages, K, V: c.valueSize ?? 2 * D, ...positionDims(c.positions, around) };
};
type Sizes = ReturnType<typeof dims>;

const direction = ({ D, N }: Sizes, c: C) => megaEma.params({ D, N }, emaOptions(c));

const params = (d: Sizes, c: C): Record<string, ReturnType<typeof bias>> => ({
  ...nest("ema", direction(d, c)),
  ...(!c.causal && nest("emaBack", direction(d, c))),
  skip: vector(d.D, { kind: "normal", std: 1 }),
  // Of the averages: queries and keys, reset gate, update gate, candidate.
  fromAverages: matrix(d.D, d.K + d.V + 2 * d.D),
  fromAveragesBias: bias(d.K + d.V + 2 * d.D),
  v: matrix(d.D, d.V),
  vBias: bias(d.V),
  scales: gain([2, d.K]),
  offsets: tensor([2, d.K], { kind: "constant", value: 0 }),
  ...positionParams(c.positions, d),
  candidate: matrix(d.V, d.D, { init: "residual" }),
});
type P = Readonly<Record<string, Weight>>;

/** A growing cache of one head; with chunks, no key is ever read again from farther than one of them. */
function state(d: Sizes, c: C): Record<string, GrowingState | readonly number[]> {
  if (!c.causal) return {};
  const entries = (width: number): GrowingState => ({
    shape: (tokens) => [1, tokens, width],
    axis: 1,
    ...(c.attentionChunk !== undefined && { window: c.attentionChunk }),
  });
  return { "ema.e": [d.D, d.N], k_BHTK: entries(rotatedSize(d)), v_BHTK: entries(d.V) };
}

type Stored = Readonly<Record<string, Tensor | undefined>>;
type At = Omit<MixerContext<C, Sizes, Record<string, never>, Stored>, "p"> & { p: P };

export const mega = defineMixer({
  kind: "mega",
  title: "Moving average equipped gated attention (Mega)",
  cite: { arxiv: "2209.10655", by: "Ma et al. 2022, eq. 6 to 15" },
  patterns: ["higher-order", "data-gating", "moving-average"],
  equations: [
    "x̃ = silu(EMA(x) + skip ⊙ x);  z = silu(x̃ W_z + b_z);  q = κ_q ⊙ z + μ_q,  k = κ_k ⊙ z + μ_k",
    "v = silu(x W_v + b_v);  o = softmax(q kᵀ / √Z + bias) v",
    "γ = silu(x̃ W_γ + b_γ),  φ = σ(x̃ W_φ + b_φ)",
    "h = silu(x̃ W_h + (γ ⊙ o) U_h + b_h);  y = φ ⊙ h + (1 − φ) ⊙ x   (stands without a residual)",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "valueSize", unit: 1 },
    { key: "keySize", unit: 2 },
  ],
  reads: ["mask_BT", "positions_BT"],
  capabilities: ({ causal, attentionChunk }) =>
    causal ? { ...growingCache, state: attentionChunk === undefined ? "growing" : "finite" } : wholeSequence,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at as never),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at as never)),
});

function mix(x_BTD: Tensor, at: At) {
  const { c, d, p } = at;
  const { averaged, e } = averagesOf(x_BTD, at);
  const near = silu(averaged.add(x_BTD.mul(value(p["skip"]!))));
  const parts = linear(near, p["fromAverages"]!, p["fromAveragesBias"]!).split(-1, [d.K, d.V, d.D, d.D]);
  const [z, reset, update, candidate] = parts as [Tensor, Tensor, Tensor, Tensor];
  const { o_BTV, k_BHTK, v_BHTK, weights_BHTS } = attend(silu(z), x_BTD, at);
  const h = silu(candidate.add(linear(silu(reset).mul(o_BTV), p["candidate"]!)));
  const phi = update.sigmoid();
  const s: Record<string, Tensor> = c.causal ? { "ema.e": e!, k_BHTK, v_BHTK } : {};
  return { y: x_BTD.add(phi.mul(h.sub(x_BTD))), s, probes: { weights_BHTS, update: phi } };
}

/** The moving averages, of both directions where nothing is hidden, and their state. */
function averagesOf(x_BTD: Tensor, { c, d, p, s, io }: At): { averaged: Tensor; e?: Tensor } {
  const run = (x: Tensor, name: string, its: Io, e?: Tensor | undefined) =>
    megaEma.forward(x, {
      c: emaOptions(c),
      d: { D: d.D, N: d.N },
      p: unnest(name, p) as never,
      s: { e },
      b: {},
      io: its,
    });
  if (c.causal) {
    const { y, s: next } = run(x_BTD, "ema", io, s["ema.e"]);
    return { averaged: y, e: next.e };
  }
  const { ahead, back } = bothWays(x_BTD, io, (x, way, its) => run(x, way === "ahead" ? "ema" : "emaBack", its));
  return { averaged: ahead.y.add(back.y) };
}

/** One head over z [B, T, Z] for queries and keys and x for values. */
function attend(z_BTK: Tensor, x_BTD: Tensor, at: At) {
  const { c, d, p, s, io } = at;
  const hooks = positionHooks(c.positions, at);
  const positions_BT = positionsOf(io, x_BTD.dim(1));
  const [scales, offsets] = [value(p["scales"]!), value(p["offsets"]!)];
  const side = (n: number, which: "query" | "key") =>
    hooks.rotate(z_BTK.mul(scales.at(0, n)).add(offsets.at(0, n)).unsqueeze(1), positions_BT, which);
  const [q_BHTK, k_BHTK] = [side(0, "query"), side(1, "key")];
  const v_BHTK = silu(linear(x_BTD, p["v"]!, p["vBias"]!)).unsqueeze(1);
  const length = { length_B: io.length_B, queries: x_BTD.dim(1), window: c.attentionChunk };
  const cached = cacheOf({ k: s["k_BHTK"], v: s["v_BHTK"] }, length);
  const scale = d.K ** -0.5;
  const pattern =
    c.attentionChunk === undefined
      ? undefined
      : ({ kind: "chunk", size: c.attentionChunk, back: 0, ahead: 0 } as const);
  const { y_BHTV, weights_BHTS } = blockwiseAttention({
    q_BHTK,
    k_BGTK: k_BHTK,
    v_BGTV: v_BHTK,
    scale,
    causal: c.causal,
    cached,
    mask_BT: io.mask_BT,
    ...patternOf({ c: { pattern } as never, io }, cached, x_BTD.dim(1)),
    bias: positionBias({ x_BTD, q_BHTK, k_BGTK: k_BHTK, scale, cached, hooks }, { positions_BT, heads: 1 }),
  });
  return { o_BTV: y_BHTV.squeeze(1), k_BHTK, v_BHTK, weights_BHTS };
}
