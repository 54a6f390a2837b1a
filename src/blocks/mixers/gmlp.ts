/**
 * gMLP: a channel MLP in whose middle one half, mixed along time by learned weights, gates the other.
 * Axes: B batch, T time, D model, F hidden, V = F/2 gated features, H heads, L tokens at most, A width of the attention.
 */
import { z } from "zod";
import { lowerTriangle, scaledDotProduct, toeplitz } from "../../ops/index.ts";
import { gelu, iota, layerNorm, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type Io, type MixerContext } from "../define.ts";
import { bias, gain, type Init, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { assertTokens } from "./max-tokens.ts";

const config = z.strictObject({
  hidden: z
    .int()
    .positive()
    .multipleOf(2)
    .optional()
    .describe("width between the projections (default: 4 × model width)"),
  maxTokens: z.int().positive().default(256).describe("longest sequence; a shorter one is as if filled up with zeros"),
  heads: z.int().positive().default(1).describe("groups of gated features with weights of their own"),
  causal: z.boolean().default(false).describe("weights reach back only; nothing decodes in either case"),
  weights: z
    .enum(["full", "toeplitz"])
    .default("full")
    .describe("a weight for every pair of tokens; or one for every distance back, times a factor of either token"),
  attention: z
    .int()
    .positive()
    .optional()
    .describe("width of a small attention head added to the gate (default: none)"),
  epsilon: z.number().positive().default(1e-5).describe("added to the variance by the gate's norm"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const F = c.hidden ?? 4 * D;
  return { D, F, V: F / 2, H: c.heads, featuresPerHead: F / 2 / c.heads, L: c.maxTokens };
}
type Sizes = ReturnType<typeof dims>;

function params({ D, F, V, H, L }: Sizes, c: C) {
  const near: Init = { kind: "uniform", low: -1e-3 / L, high: 1e-3 / L };
  return {
    in: matrix(D, F),
    inBias: bias(F),
    norm: gain(V),
    normBias: bias(V),
    mix: tensor(c.weights === "full" ? [H, L, L] : [H, L], near),
    mixBias: vector([H, L], 1),
    ...(c.weights === "toeplitz" && { from: vector([H, L], 1), to: vector([H, L], 1) }),
    ...(c.attention !== undefined && {
      qkv: matrix(D, 3 * c.attention),
      attentionOut: matrix(c.attention, V),
      attentionBias: bias(V),
    }),
    out: matrix(V, D, { init: "residual" }),
    outBias: bias(D),
  };
}

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, object>;

const reachesBackOnly = ({ causal, weights, attention }: C) =>
  causal || (weights === "toeplitz" && attention === undefined);

export const gmlp = defineMixer({
  kind: "gmlp",
  title: "gMLP",
  cite: { arxiv: "2105.08050", by: "Liu et al. 2021" },
  patterns: ["higher-order", "data-gating"],
  equations: [
    "[u, v] = gelu(W_in x + b)",
    "g_t = Σ_s M_ts LayerNorm(v)_s + c_t   (+ a small attention over x)",
    "y = W_out (u ⊙ g) + d",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 2 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: reachesBackOnly(c) ? "causal" : "bidirectional",
    state: "none",
    length: "max",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, at) {
    const { c, p } = at;
    assertTokens("gmlp", x_BTD.dim(1), c.maxTokens);
    const hidden = gelu(linear(x_BTD, p.in, p.inBias));
    const added = p.qkv && linear(tinyAttention(linear(x_BTD, p.qkv), at), p.attentionOut!, p.attentionBias);
    return { y: linear(spatialGate(hidden, at, added), p.out, p.outBias), s: {} };
  },
});

/** The first half of the features times the second, mixed over time (section 2.1). */
export function spatialGate(hidden: Tensor, { c, d, p, io }: Omit<At, "s" | "b">, added?: Tensor): Tensor {
  const [B, T] = [hidden.dim(0), hidden.dim(1)];
  const [u, v] = hidden.split(2, [d.V, d.V]);
  const normed = layerNorm(v!, value(p.norm), value(p.normBias), c.epsilon);
  const real = io.mask_BT ? where(io.mask_BT.unsqueeze(2), normed, 0) : normed;
  const heads = real.reshape([B, T, d.H, d.V / d.H]).transpose([0, 2, 1, 3]);
  const mixed = mixWeights(p, T, c)
    .matmul(heads)
    .add(value(p.mixBias).slice(1, 0, T).unsqueeze(2));
  const gate = mixed.transpose([0, 2, 1, 3]).reshape([B, T, d.V]);
  return u!.mul(added ? gate.add(added) : gate);
}

/** [H, T, T], rows are outputs. */
function mixWeights(p: At["p"], T: number, c: C): Tensor {
  if (c.weights === "full") {
    const square = value(p.mix).slice(1, 0, T).slice(2, 0, T);
    return c.causal ? lowerTriangle(square) : square;
  }
  const factor = (w: Tensor, axis: number) => w.slice(1, 0, T).unsqueeze(axis);
  const byDistance = toeplitz(value(p.mix).flip(1).slice(1, 0, T)).swap(1, 2);
  return byDistance.mul(factor(value(p.to!), 2)).mul(factor(value(p.from!), 1));
}

/** One head over projections [B, T, 3A] → [B, T, A]. */
function tinyAttention(qkv: Tensor, { c, io }: { c: C; io: Io }): Tensor {
  const [A, T] = [qkv.dim(2) / 3, qkv.dim(1)];
  const [q, k, v] = qkv.unsqueeze(1).split(3, [A, A, A]) as [Tensor, Tensor, Tensor];
  const earlier = c.causal ? iota(T).lessEqual(iota(T).unsqueeze(1)) : undefined;
  const real = io.mask_BT?.unsqueeze(1).unsqueeze(1);
  const mask = earlier && real ? earlier.and(real) : (earlier ?? real);
  return scaledDotProduct({ q, k, v }, { mask }).squeeze(1);
}
