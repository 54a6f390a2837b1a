/**
 * Retention (RetNet): linear attention with a fixed decay per head and rotary keys. The state is held in the frame of the
 * last token, so that no absolute position is needed: a step turns it by one position.
 * Axes: B batch, T time, D model, H heads of K key and V value channels; columns […features, B, T].
 */
import { z } from "zod";
import {
  type DecayScanInput,
  type DecayScanResult,
  decayScan,
  decayStep,
  fromColumns,
  rmsScale,
  toColumns,
} from "../../ops/index.ts";
import { concat, constant, gelu, iota, scalar, silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type Io, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { matrix } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { atRealTokens } from "./deltanet-heads.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads; head h decays by 1 − 2^(−5−h) a token"),
  keyRatio: z
    .number()
    .positive()
    .default(1)
    .describe("total key width / model width; an even number of channels per head"),
  valueRatio: z.number().positive().default(2).describe("total value width / model width"),
  chunk: chunkTokens(64),
  gateActivation: z.enum(["silu", "gelu"]).optional().describe("function of the output gate (default: silu)"),
  scoreNorm: z
    .enum(["decay", "decay-and-sum"])
    .optional()
    .describe(
      "what scores are divided by before the norm, which undoes it but for epsilon: the root of their decays' sum, and their own sum where that is larger (the paper's section 2.1; default: nothing)",
    ),
  epsilon: z.number().positive().default(1e-6).describe("added to the mean square of the norm per head"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const K = (D * c.keyRatio) / c.heads;
  return { D, H: c.heads, K, pairs: K / 2, V: (D * c.valueRatio) / c.heads };
}
type Sizes = ReturnType<typeof dims>;

function params({ D, H, K, V }: Sizes) {
  return {
    q: matrix(D, H * K),
    k: matrix(D, H * K),
    v: matrix(D, H * V),
    gate: matrix(D, H * V),
    out: matrix(H * V, D, { init: "residual" }),
  };
}

/** With norms of scores also Σ γ^age, and a row of S for Σ γ^age k. */
const state = ({ H, V, K }: Sizes, { scoreNorm }: C): { S: number[]; decays?: number[] } => ({
  S: [H, scoreNorm === "decay-and-sum" ? V + 1 : V, K],
  ...(scoreNorm && { decays: [H] }),
});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const retention = defineMixer({
  kind: "retention",
  title: "Retention (RetNet)",
  cite: { arxiv: "2307.08621", by: "Sun et al. 2023" },
  patterns: ["higher-order", "multi-x", "data-gating", "moving-average"],
  equations: [
    "S_t = γ_h S_{t−1} + v_t (R_t k_t)ᵀ;  o_t = S_t (R_t q_t) / √K,  γ_h = 1 − 2^(−5−h)",
    "R_t turns channels (2j, 2j + 1) by t · 10000^(−j/(K/2 − 1))",
    "out = W_out (silu(W_gate x_t) ⊙ RMSNorm(o_t))   (norm per head, without gain)",
  ],
  config,
  dims,
  params,
  tune: [],
  reads: ["mask_BT"],
  capabilities: ({ scoreNorm }) => ({
    ...recurrent,
    // What scores are divided by is taken as constant, as the norm behind it undoes it.
    smooth: scoreNorm === "decay-and-sum" ? "surrogate" : "everywhere",
  }),
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, { scan: chunked(at) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { scan: decayStep })),
});

const chunked = (at: At) => (input: DecayScanInput) => decayScan({ ...input, chunk: at.c.chunk });

/** What the heads are divided by before the norm, which undoes it but for epsilon, from turned queries and keys. */
export type HeadDivisor = (tokens: { q_HKBT: Tensor; k_HKBT: Tensor; v_HVBT: Tensor }) => Tensor;

/** The layer over a whole sequence from its start, with divisors [H, 1, B, T] that are not those of `scoreNorm`. */
export const retainDivided = (x_BTD: Tensor, at: Omit<At, "s">, divisor: HeadDivisor): Tensor =>
  mix(x_BTD, { ...at, s: {} }, { scan: chunked({ ...at, s: {} }), divisor }).y;

interface Mixing {
  scan: (input: DecayScanInput) => DecayScanResult;
  divisor?: HeadDivisor;
}

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, { scan, divisor }: Mixing) {
  const heads = (weight: Weight) => toColumns(x_BTD, value(weight)).reshape([d.H, -1, x_BTD.dim(0), x_BTD.dim(1)]);
  const turn = rotation(d);
  const { at_BT, last_B } = positions(x_BTD, io);
  const v = heads(p.v);
  const sums = c.scoreNorm === "decay-and-sum";
  const q_HKBT = turn.columns(heads(p.q), at_BT).mul(d.K ** -0.5);
  const k_HKBT = turn.columns(heads(p.k), at_BT);
  const { o_HVBT, S_BHVK } = scan({
    q_GKBT: q_HKBT,
    k_GKBT: k_HKBT,
    v_HVBT: atRealTokens(sums ? concat(1, [v, v.slice(1, 0, 1).mul(0).add(1)]) : v, io),
    logDecay_HBT: atRealTokens(logDecays(d.H, x_BTD.dim(1)), io),
    S_BHVK: s.S && turn.state(s.S, scalar(-1).reshape([1])),
  });
  const decays = c.scoreNorm && decaySums(at_BT, last_B, { heads: d.H, start_BH: s.decays });
  const plain = divisor ? o_HVBT.div(divisor({ q_HKBT, k_HKBT, v_HVBT: v })) : o_HVBT;
  const normed = decays ? divided(plain, decays.sums_HBT, d.V) : plain;
  const gate = (c.gateActivation === "gelu" ? gelu : silu)(heads(p.gate));
  const y = gate.mul(rmsScale(normed, 1, c.epsilon));
  const batch = x_BTD.dim(0);
  return {
    y: fromColumns(y, value(p.out)),
    s: { S: turn.state(S_BHVK, last_B.neg()), ...(decays && { decays: decays.last_BH.expand([batch, d.H]) }) },
  };
}

/** o [H, V, B, T], with the sum of its scores in a last row or without, over the larger of that and √Σ γ^age, a constant. */
function divided(o_HVBT: Tensor, decays_HBT: Tensor, V: number): Tensor {
  const root = decays_HBT.unsqueeze(1).sqrt();
  if (o_HVBT.dim(1) === V) return o_HVBT.div(root);
  return o_HVBT.slice(1, 0, V).div(o_HVBT.slice(1, V).abs().maximum(root).stopGradient());
}

/** Σ γ^age over the tokens up to each, (1 − γⁿ) / (1 − γ) and what came before. */
function decaySums(
  at_BT: Tensor,
  last_B: Tensor,
  { heads, start_BH }: { heads: number; start_BH: Tensor | undefined },
): { sums_HBT: Tensor; last_BH: Tensor } {
  const gammas = constant(
    Array.from({ length: heads }, (_, h) => 1 - 2 ** (-5 - h)),
    [heads],
  );
  const grown = (index: Tensor, shape: readonly number[], start: Tensor | undefined) => {
    const gamma = gammas.reshape(shape);
    const decayed = gamma.log().mul(index.add(1)).exp();
    const own = decayed.neg().add(1).div(gamma.neg().add(1));
    return start ? own.add(start.mul(decayed)) : own;
  };
  return {
    sums_HBT: grown(at_BT.unsqueeze(0), [heads, 1, 1], start_BH?.swap(0, 1).unsqueeze(-1)),
    last_BH: grown(last_B.unsqueeze(1), [1, heads], start_BH),
  };
}

/** log γ_h at every time: [H, 1, T]. */
function logDecays(heads: number, time: number): Tensor {
  return constant(
    Array.from({ length: heads }, (_, h) => Math.log1p(-(2 ** (-5 - h)))),
    [heads, 1, 1],
  ).expand([heads, 1, time]);
}

/** Index of each real token among these (f32 [B or 1, T]), and of the last one (f32 [B or 1], −1 where there is none). */
function positions(x_BTD: Tensor, { mask_BT }: Io): { at_BT: Tensor; last_B: Tensor } {
  const time = x_BTD.dim(1);
  if (mask_BT === undefined)
    return { at_BT: iota(time).cast("f32").unsqueeze(0), last_B: scalar(time - 1).reshape([1]) };
  const count_BT = mask_BT.cast("f32").cumsum(-1);
  return { at_BT: count_BT.sub(1), last_B: count_BT.at(-1, -1).sub(1) };
}

/** Turns of neighbouring key channels by position; positions add up. */
function rotation({ K, pairs }: Sizes) {
  const frequencies = constant(
    Array.from({ length: K }, (_, i) => 10_000 ** (-Math.floor(i / 2) / Math.max(1, pairs - 1))),
    [K],
  );
  // (a, b) → (−b, a) of every pair, as a product from the left.
  const quarter = constant(
    Array.from({ length: K * K }, (_, i) => quarterTurn(Math.floor(i / K), i % K)),
    [K, K],
  );
  return {
    columns(x_HKBT: Tensor, at_BT: Tensor): Tensor {
      const angle_KBT = frequencies.reshape([K, 1, 1]).mul(at_BT);
      const turned = quarter.matmul(x_HKBT.reshape([-1, K, x_HKBT.size / (x_HKBT.dim(0) * K)])).reshape(x_HKBT.shape);
      return x_HKBT.mul(angle_KBT.cos()).add(turned.mul(angle_KBT.sin()));
    },
    state(S_BHVK: Tensor, by_B: Tensor): Tensor {
      const angle = by_B.reshape([-1, 1, 1, 1]).mul(frequencies);
      return S_BHVK.mul(angle.cos()).add(S_BHVK.matmul(quarter, { transB: true }).mul(angle.sin()));
    },
  };
}

function quarterTurn(row: number, column: number): number {
  if ((row ^ 1) !== column) return 0;
  return row % 2 === 0 ? -1 : 1;
}
