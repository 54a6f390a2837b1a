/**
 * RWKV's channel mixing: an MLP over a token mixed with the one before it. It carries a token, so it stands in a layer's mixer
 * slot: an RWKV block is a layer with a time mixing and one with this, both with channel `none`.
 * Axes: B batch, T time, D model, F hidden.
 */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { matrix } from "../weights/declare.ts";
import { linear, type Weights } from "../weights/use.ts";
import { depthText, mixed, mixVector, shiftedRows } from "./rwkv-mix.ts";

const config = z.strictObject({
  ratio: z.number().positive().default(4).describe("hidden width / model width"),
  hidden: z.int().positive().optional().describe("hidden width itself, instead of ratio"),
  gate: z.boolean().default(true).describe("whether a receptance gates the output: RWKV-4 to 6 do, RWKV-7 does not"),
  depth: z.number().min(0).max(1).default(0.5).describe(depthText),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, F: c.hidden ?? Math.round(c.ratio * D) });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, F }: Sizes, { gate, depth }: C) => ({
  mixK: mixVector(D, { power: 1 - depth }),
  k: matrix(D, F),
  v: matrix(F, D, { init: "residual" }),
  ...(gate && { mixR: mixVector(D, { power: 1 - depth }), r: matrix(D, D) }),
});

const state = ({ D }: Sizes) => ({ shift: [D] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const rwkvChannelMix = defineMixer({
  kind: "rwkv-channel-mix",
  title: "RWKV channel mixing",
  cite: { arxiv: "2305.13048", by: "Peng et al. 2023, eq. 18" },
  patterns: ["data-gating"],
  equations: [
    "x^a_t = x_t + μ_a ⊙ (x_{t−1} − x_t)",
    "out = σ(W_r x^r_t) ⊙ W_v relu(W_k x^k_t)²   (without the gate in RWKV-7)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { p, s, io }: At) {
  const rows = shiftedRows(x_BTD, { time: 1, last_BD: s.shift, io });
  const y = linear(linear(mixed(rows, p.mixK), p.k).relu().square(), p.v);
  const gated = p.r && p.mixR ? linear(mixed(rows, p.mixR), p.r).sigmoid().mul(y) : y;
  return { y: gated, s: { shift: rows.last_BD } };
}
