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
import { constant, iota, scalar, silu, type Tensor } from "../../tensor/index.ts";
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

const state = ({ H, V, K }: Sizes) => ({ S: [H, V, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const retention = defineMixer({
  kind: "retention",
  title: "Retention (RetNet)",
  cite: { arxiv: "2307.08621", by: "Sun et al. 2023" },
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
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, (input) => decayScan({ ...input, chunk: at.c.chunk })),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, decayStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, scan: (input: DecayScanInput) => DecayScanResult) {
  const heads = (weight: Weight) => toColumns(x_BTD, value(weight)).reshape([d.H, -1, x_BTD.dim(0), x_BTD.dim(1)]);
  const turn = rotation(d);
  const { at_BT, last_B } = positions(x_BTD, io);
  const { o_HVBT, S_BHVK } = scan({
    q_GKBT: turn.columns(heads(p.q), at_BT).mul(d.K ** -0.5),
    k_GKBT: turn.columns(heads(p.k), at_BT),
    v_HVBT: atRealTokens(heads(p.v), io),
    logDecay_HBT: atRealTokens(logDecays(d.H, x_BTD.dim(1)), io),
    S_BHVK: s.S && turn.state(s.S, scalar(-1).reshape([1])),
  });
  const y = silu(heads(p.gate)).mul(rmsScale(o_HVBT, 1, c.epsilon));
  return { y: fromColumns(y, value(p.out)), s: { S: turn.state(S_BHVK, last_B.neg()) } };
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
