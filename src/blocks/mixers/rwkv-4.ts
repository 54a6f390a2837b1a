/**
 * RWKV-4's time mixing: each channel averages its values under weights e^k that fade with a learned rate.
 * Axes: B batch, T time, D model, I inner channels; rows are time-major.
 */
import { z } from "zod";
import { decayAverages, emptyLogWeight, joinAverages } from "../../ops/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type Io, type MaybeState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { depthText, mixed, mixVector, overFeatures, shiftedRows } from "./rwkv-mix.ts";

const config = z.strictObject({
  inner: z.int().positive().optional().describe("channels that are averaged; the model width if absent"),
  depth: z.number().min(0).max(1).default(0.5).describe(depthText),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, I: c.inner ?? D });
type Sizes = ReturnType<typeof dims>;

function params({ D, I }: Sizes, { depth }: C) {
  return {
    mixR: mixVector(D, { power: (1 - depth) / 2 }),
    mixK: mixVector(D, { power: 1 - depth }),
    mixV: mixVector(D, { power: 1 - depth, more: 0.3 * depth }),
    r: matrix(D, I),
    k: matrix(D, I),
    v: matrix(D, I),
    decay: vector(
      I,
      overFeatures((_, place) => -5 + 8 * place ** (0.7 + 1.3 * depth)),
    ),
    bonus: vector(
      I,
      overFeatures((i) => Math.log(0.3) + 0.5 * (((i + 1) % 3) - 1)),
    ),
    out: matrix(I, D, { init: "residual" }),
  };
}

const state = ({ D, I }: Sizes) => ({
  shift: [D],
  average: [I],
  logWeight: { shape: [I], start: emptyLogWeight },
});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const rwkv4 = defineMixer({
  kind: "rwkv-4",
  title: "RWKV-4 time mixing",
  cite: { arxiv: "2305.13048", by: "Peng et al. 2023" },
  patterns: ["data-gating", "moving-average"],
  equations: [
    "x^a_t = x_t + μ_a ⊙ (x_{t−1} − x_t);  r_t = σ(W_r x^r_t),  k_t = W_k x^k_t,  v_t = W_v x^v_t;  w = −e^decay",
    "wkv_t = (Σ_{i<t} e^{(t−1−i)w + k_i} v_i + e^{u + k_t} v_t) / (Σ_{i<t} e^{(t−1−i)w + k_i} + e^{u + k_t})",
    "out = W_o (r_t ⊙ wkv_t)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "inner", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { p, s, io }: At) {
  const rows = shiftedRows(x_BTD.swap(0, 1), { time: 0, last_BD: s.shift, io });
  const k = linear(mixed(rows, p.mixK), p.k);
  const v = linear(mixed(rows, p.mixV), p.v);
  const { before, end } = decayAverages({
    values: { average: v, logWeight: atRealRows(k, { io, fill: emptyLogWeight }) },
    logDecay: decays(value(p.decay).exp().neg(), { time: x_BTD.dim(1), io }),
    start: s.average && s.logWeight && { average: s.average, logWeight: s.logWeight },
  });
  const { average: wkv } = joinAverages(before, { average: v, logWeight: k.add(value(p.bonus)) });
  const r = linear(mixed(rows, p.mixR), p.r).sigmoid();
  return { y: linear(r.mul(wkv), p.out).swap(0, 1), s: { shift: rows.last_BD, ...end } };
}

const maskRows = ({ mask_BT }: Io): Tensor | undefined => mask_BT?.swap(0, 1).unsqueeze(-1);

function atRealRows(x_TBC: Tensor, { io, fill }: { io: Io; fill: number }): Tensor {
  const mask = maskRows(io);
  return mask ? where(mask, x_TBC, fill) : x_TBC;
}

/** One rate per channel at every time, 0 at padding: [T, B or 1, C]. */
function decays(rate_C: Tensor, { time, io }: { time: number; io: Io }): Tensor {
  const mask = maskRows(io);
  return mask ? rate_C.mul(mask.cast("f32")) : rate_C.expand([time, 1, rate_C.size]);
}
