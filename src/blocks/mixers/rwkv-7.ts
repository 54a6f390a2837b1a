/**
 * RWKV-7 ("Goose") time mixing: a matrix state that decays per key feature, and in which the content at one key is replaced at a
 * rate per feature. Layers after the first may draw their values towards those of the layer that handed its own on (`valueMix`).
 * Axes: B batch, T time, D model, H heads of K channels, R rank of what depends on the input by two maps; columns [H, K, B, T].
 */
import { z } from "zod";
import {
  type DecayScanResult,
  fromColumns,
  type KeyedDeltaInput,
  keyedDelta,
  keyedDeltaStep,
  toColumns,
  unitScale,
} from "../../ops/index.ts";
import { fail, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type Io, type MaybeState, type MixerContext } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { atRealTokens } from "./deltanet-heads.ts";
import { depthText, headColumns, mixed, mixVector, normedHeads, overFeatures, shiftedRows } from "./rwkv-mix.ts";

const rank = (of: string) => z.int().positive().default(32).describe(`rank of ${of}`);
const config = z.strictObject({
  heads: headsOfWidth(),
  decayRank: rank("the decay's dependence on the input"),
  rateRank: rank("the replacement rate's dependence on the input"),
  gateRank: rank("the output gate"),
  valueRank: rank("the mix of values between layers"),
  valueMix: z
    .boolean()
    .default(false)
    .describe("whether values are drawn towards those that an earlier layer without this option handed on"),
  depth: z.number().min(0).max(1).default(0.5).describe(depthText),
  chunk: z
    .int()
    .positive()
    .max(64)
    .default(32)
    .describe("tokens per chunk of the parallel form; changes rounding and speed only"),
  epsilon: z.number().positive().default(64e-5).describe("added to the variance of the output norm"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads });
type Sizes = ReturnType<typeof dims>;

function params({ D, H, K }: Sizes, c: C) {
  const power = 1 - c.depth;
  const lowRank = (R: number) => ({ down: matrix(D, R, { init: "zeros" }), up: matrix(R, D) });
  const [decay, rate, gate] = [lowRank(c.decayRank), lowRank(c.rateRank), lowRank(c.gateRank)];
  return {
    mixR: mixVector(D, { power: 0.2 * power }),
    mixW: mixVector(D, { power: 0.9 * power }),
    mixK: mixVector(D, { power: 0.7 * power }),
    mixV: mixVector(D, { power: 0.7 * power }),
    mixA: mixVector(D, { power: 0.9 * power }),
    mixG: mixVector(D, { power: 0.2 * power }),
    r: matrix(D, D),
    k: matrix(D, D),
    v: matrix(D, D),
    decay: vector(
      D,
      overFeatures((_, place) => -6.5 + 5 * place ** (0.85 + c.depth ** 0.5)),
    ),
    decayDown: decay.down,
    decayUp: decay.up,
    rate: bias(D),
    rateDown: rate.down,
    rateUp: rate.up,
    ...(c.valueMix && { value: bias(D, 1), valueDown: lowRank(c.valueRank).down, valueUp: lowRank(c.valueRank).up }),
    gateDown: matrix(D, c.gateRank),
    gateUp: gate.up,
    removed: gain([H, K], 0.85),
    slowed: gain([H, K], 1),
    bonus: vector([H, K]),
    normGain: gain(D),
    normOffset: bias(D),
    out: matrix(D, D, { init: "residual" }),
  };
}

const state = ({ D, H, K }: Sizes) => ({ shift: [D], S: [H, K, K] });

/** What a layer hands on to later ones, if the model passes it along: its values, as columns. */
export type HandedOn = { readonly value_HKBT?: Tensor };

type P = Weights<ReturnType<typeof params>>;
type At = Omit<MixerContext<C, Sizes, P, MaybeState<ReturnType<typeof state>>>, "io"> & {
  io: Io & { handed?: HandedOn };
};

export const rwkv7 = defineMixer({
  kind: "rwkv-7",
  title: "RWKV-7 time mixing (Goose)",
  cite: { arxiv: "2503.14456", by: "Peng et al. 2025" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "x^a_t = x_t + μ_a ⊙ (x_{t−1} − x_t);  w_t = exp(−e^{−1/2} σ(decay + tanh(x^w A) B));  a_t = σ(rate + x^a C E)",
    "κ_t = ξ ⊙ k_t / |ξ ⊙ k_t|;  k̃_t = k_t ⊙ (1 + (a_t − 1) ⊙ α);  v_t ← v_t + (v_t^first − v_t) ⊙ σ(value + x^v F G)",
    "S_t = S_{t−1} (diag(w_t) − κ_t (κ_t ⊙ a_t)ᵀ) + v_t k̃_tᵀ;  o_t = S_t r_t",
    "out = W_o ((groupnorm(o_t) + (r_t · (ρ ⊙ k̃_t)) v_t) ⊙ (σ(x^g L) M))",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "gateRank", unit: 1 },
    { key: "decayRank", unit: 1 },
  ],
  hands: (c) => (c.valueMix ? [] : ["value_HKBT"]),
  takes: (c) => (c.valueMix ? ["value_HKBT"] : []),
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => rwkv7Mix(x_BTD, at, (input) => keyedDelta({ ...input, chunk: at.c.chunk })),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => rwkv7Mix(x_BTD, at, keyedDeltaStep)),
});

/** Both forms; the values are handed on where they are not mixed with others. */
export function rwkv7Mix(x_BTD: Tensor, at: At, scan: (input: KeyedDeltaInput) => DecayScanResult) {
  const { c, d, p, s, io } = at;
  const rows = shiftedRows(x_BTD, { time: 1, last_BD: s.shift, io });
  const r = headColumns(mixed(rows, p.mixR), p.r, d.H);
  const [plainKey, rate] = [headColumns(mixed(rows, p.mixK), p.k, d.H), rateOf(mixed(rows, p.mixA), at)];
  const removed = unitScale(plainKey.mul(perFeature(p.removed)), 1, 1e-24);
  const k = plainKey.mul(rate.sub(1).mul(perFeature(p.slowed)).add(1));
  const v = values(mixed(rows, p.mixV), at);
  const { o_HVBT, S_BHVK } = scan({
    q_HKBT: r,
    k_HKBT: k,
    v_HVBT: atRealTokens(v, io),
    probe_HKBT: removed.neg(),
    back_HKBT: atRealTokens(removed.mul(rate), io),
    probes: "before-decay",
    logDecay_HKBT: atRealTokens(logDecayOf(mixed(rows, p.mixW), at), io),
    bounded: true,
    S_BHVK: s.S,
  });
  const present = v.mul(r.mul(k).mul(perFeature(p.bonus)).sum(1, true));
  const normed = normedHeads(o_HVBT, { gain: p.normGain, offset: p.normOffset, epsilon: c.epsilon });
  const gate = toColumns(linear(mixed(rows, p.mixG), p.gateDown).sigmoid(), value(p.gateUp)).reshape(v.shape);
  const y = fromColumns(normed.add(present).mul(gate), value(p.out));
  return { y, s: { shift: rows.last_BD, S: S_BHVK }, ...(!c.valueMix && { handed: { value_HKBT: v } }) };
}

const perFeature = (weight_HK: Weight): Tensor => value(weight_HK).reshape([...value(weight_HK).shape, 1, 1]);

/** hidden [B, T, R] · up + offset, as columns by heads. */
function raised(hidden: Tensor, { up, offset, heads }: { up: Weight; offset: Weight; heads: number }): Tensor {
  const columns = headColumns(hidden, up, heads);
  return columns.add(value(offset).reshape([heads, -1, 1, 1]));
}

/** log w = −e^{−1/2} σ(…), between −0.61 and 0. */
const logDecayOf = (x: Tensor, { d, p }: At): Tensor =>
  raised(linear(x, p.decayDown).tanh(), { up: p.decayUp, offset: p.decay, heads: d.H }).sigmoid().mul(-Math.exp(-0.5));

/** The rate of replacement per feature. */
const rateOf = (x: Tensor, { d, p }: At): Tensor =>
  raised(linear(x, p.rateDown), { up: p.rateUp, offset: p.rate, heads: d.H }).sigmoid();

/** The layer's own values, or these drawn towards those handed on. */
function values(x: Tensor, { d, p, io }: At): Tensor {
  const own = headColumns(x, p.v, d.H);
  if (!p.value || !p.valueDown || !p.valueUp) return own;
  const handed = io.handed?.value_HKBT ?? missing();
  const share = raised(linear(x, p.valueDown), { up: p.valueUp, offset: p.value, heads: d.H }).sigmoid();
  return own.add(handed.sub(own).mul(share));
}

function missing(): never {
  return fail({
    code: "E_HANDED",
    where: "rwkv-7.valueMix",
    expected: "an earlier rwkv-7 layer without valueMix, whose values are handed on",
    got: "none",
    hint: "Set valueMix: false in the first rwkv-7 layer.",
  });
}
