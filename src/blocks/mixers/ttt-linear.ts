/**
 * TTT-Linear: the state is a linear map that is itself trained on the tokens, a gradient step a mini-batch, to predict values
 * from keys. Axes: B batch, T time, D model, H heads of K channels; columns [H, K, B, T].
 */
import { z } from "zod";
import {
  fromColumns,
  rmsScale,
  type TttInput,
  type TttResult,
  toColumns,
  tttLinear,
  tttStep,
  unitScale,
} from "../../ops/index.ts";
import { silu, type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { outputNormEpsilon } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { gainedRows, perHead } from "./deltanet-heads.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  headSize: z.int().positive().optional().describe("channels per head; default model width / heads"),
  miniBatch: z
    .int()
    .positive()
    .default(16)
    .describe("tokens a gradient step of the inner map: within them all gradients are taken at the same map"),
  rate: z.number().positive().default(1).describe("largest inner learning rate, times the head size"),
  innerEpsilon: z.number().positive().default(1e-6).describe("added to the variance of the inner norm"),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: c.headSize ?? D / c.heads });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, K }: Sizes) => ({
  q: matrix(D, H * K),
  k: matrix(D, H * K),
  v: matrix(D, H * K),
  rate: matrix(D, H),
  rateBias: bias(H),
  innerGain: gain([H, K]),
  innerOffset: { ...bias(H * K), shape: [H, K] },
  gate: matrix(D, H * K),
  norm: gain(K),
  out: matrix(H * K, D, { init: "residual" }),
});

/** The map W, b; what the unfinished mini-batch has gathered for it; and how many tokens that are. */
const state = ({ H, K }: Sizes) => ({ W: [H, K, K], b: [H, K], moved: [H, K, K], movedBias: [H, K], count: [1] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const tttLinearMixer = defineMixer({
  kind: "ttt-linear",
  title: "TTT-Linear",
  cite: { arxiv: "2407.04620", by: "Sun et al. 2024" },
  patterns: ["higher-order"],
  equations: [
    "q ← W_q x / (|W_q x| √K),  k ← W_k x / |W_k x|,  v = W_v x,  η_t = rate/K · σ(W_η x_t + b_η)",
    "inner loss of a token:  ½ |LN(W k + b)·γ + β − (v − k)|²,  G its gradient by W k + b at the mini-batch's first map",
    "W_t = W − η_t Σ_{s≤t} G_s k_sᵀ,  b_t = b − η_t Σ_{s≤t} G_s   (s in t's mini-batch; its last W_t, b_t start the next)",
    "o_t = r + LN(r)·γ + β,  r = W_t q_t + b_t;  out = W_out (RMSNorm(o_t) ⊙ silu(W_gate x_t))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "headSize", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, tttLinear),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, (input) => tttStep({ ...input, s: input.s! }))),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, learn: (input: TttInput) => TttResult) {
  const heads = (weight: Weight) => toColumns(x_BTD, value(weight)).reshape([d.H, d.K, x_BTD.dim(0), x_BTD.dim(1)]);
  const rate = toColumns(x_BTD, value(p.rate)).add(perHead(p.rateBias)).sigmoid();
  const { o_HKBT, s: next } = learn({
    q_HKBT: unitScale(heads(p.q), 1).mul(d.K ** -0.5),
    k_HKBT: unitScale(heads(p.k), 1),
    v_HKBT: heads(p.v),
    rate_HBT: rate.mul(c.rate / d.K),
    norm: { gain_HK: value(p.innerGain), offset_HK: value(p.innerOffset), epsilon: c.innerEpsilon },
    miniBatch: c.miniBatch,
    s: startOf(x_BTD.dim(0), d, s),
    mask_BT: io.mask_BT,
  });
  const y = rmsScale(o_HKBT, 1, c.epsilon).mul(silu(heads(p.gate)));
  return {
    y: fromColumns(y, gainedRows(p, d.K)),
    s: {
      W: next.W_BHKK,
      b: next.b_BHK,
      moved: next.moved_BHKK,
      movedBias: next.movedBias_BHK,
      count: next.count_B1,
    },
  };
}

/** Undefined where nothing is given. */
function startOf(B: number, { H, K }: Sizes, { W, b, moved, movedBias, count }: At["s"]): TttInput["s"] {
  if (![W, b, moved, movedBias, count].some((field) => field !== undefined)) return undefined;
  return {
    W_BHKK: W ?? zeros([B, H, K, K]),
    b_BHK: b ?? zeros([B, H, K]),
    moved_BHKK: moved ?? zeros([B, H, K, K]),
    movedBias_BHK: movedBias ?? zeros([B, H, K]),
    count_B1: count ?? zeros([B, 1]),
  };
}
