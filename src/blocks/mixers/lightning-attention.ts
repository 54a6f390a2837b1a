/**
 * Lightning attention (MiniMax-01): linear attention with a fixed decay per head, one norm over all heads and a sigmoid gate.
 * Axes: B batch, T time, D model, H heads of K channels; columns […features, B, T].
 */
import { z } from "zod";
import {
  type DecayScanInput,
  type DecayScanResult,
  decayScan,
  decayStep,
  fromColumns,
  toColumns,
} from "../../ops/index.ts";
import { constant, silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { gain, matrix } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { atRealTokens } from "./deltanet-heads.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads; later heads keep longer"),
  headSize: z.int().positive().optional().describe("channels per head; default model width / heads"),
  depth: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("place in the stack, 0 first to 1 last layer: deeper layers keep longer, the last hardly forgets"),
  chunk: chunkTokens(64),
  epsilon: z.number().positive().default(1e-6).describe("added to the mean square of the output norm"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: c.headSize ?? D / c.heads });
type Sizes = ReturnType<typeof dims>;

function params({ D, H, K }: Sizes) {
  const inner = H * K;
  return {
    q: matrix(D, inner),
    k: matrix(D, inner),
    v: matrix(D, inner),
    gate: matrix(D, inner),
    norm: gain(inner),
    out: matrix(inner, D, { init: "residual" }),
  };
}

const state = ({ H, K }: Sizes) => ({ S: [H, K, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const lightningAttention = defineMixer({
  kind: "lightning-attention",
  title: "Lightning attention (MiniMax-01)",
  cite: { arxiv: "2501.08313", by: "MiniMax 2025; Qin et al. 2024" },
  patterns: ["higher-order", "multi-x", "data-gating", "moving-average"],
  equations: [
    "[q, k, v] = silu(W x_t);  S_t = e^{−s_h} S_{t−1} + v_t k_tᵀ;  o_t = S_t q_t",
    "s_h = 2^(−8(h+1)/H) (1 − depth + 10⁻⁵)",
    "out = W_out (RMSNorm([o of all heads]) ⊙ σ(W_gate x_t))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "headSize", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, (input) => decayScan({ ...input, chunk: at.c.chunk })),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, decayStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, scan: (input: DecayScanInput) => DecayScanResult) {
  const heads = (weight: Weight) =>
    silu(toColumns(x_BTD, value(weight))).reshape([d.H, -1, x_BTD.dim(0), x_BTD.dim(1)]);
  const { o_HVBT, S_BHVK } = scan({
    q_GKBT: heads(p.q),
    k_GKBT: heads(p.k),
    v_HVBT: atRealTokens(heads(p.v), io),
    logDecay_HBT: atRealTokens(logDecays({ heads: d.H, depth: c.depth, time: x_BTD.dim(1) }), io),
    S_BHVK: s.S,
  });
  const o = o_HVBT.reshape([d.H * d.K, ...o_HVBT.shape.slice(2)]);
  const scale = o.square().mean(0, true).add(c.epsilon).sqrt().reciprocal();
  const y = o.mul(toColumns(x_BTD, value(p.gate)).sigmoid()).mul(scale);
  return { y: fromColumns(y, value(p.out).mul(value(p.norm).unsqueeze(1))), s: { S: S_BHVK } };
}

/** −s_h at every time: [H, 1, T]. */
function logDecays({ heads, depth, time }: { heads: number; depth: number; time: number }): Tensor {
  const rates = Array.from({ length: heads }, (_, h) => -(2 ** ((-8 * (h + 1)) / heads)) * (1 - depth + 1e-5));
  return constant(rates, [heads, 1, 1]).expand([heads, 1, time]);
}
