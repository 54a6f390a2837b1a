/**
 * Closed-form continuous-time network: a state that moves between two maps of (input, state) by a gate that depends
 * on the time Δt since the last token; `mixedMemory` puts an LSTM cell before each step.
 * Axes: B batch, T time, D model, H hidden, U backbone units.
 */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type Io } from "../define.ts";
import { bias, gain, type Init, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";
import { cfcActivations, cfcModes, cfcRecurrence } from "./cfc-cell.ts";
import { liquidForward, liquidStep } from "./liquid-scan.ts";
import { memoryParams } from "./lstm-cell.ts";

const activationNames = Object.keys(cfcActivations) as (keyof typeof cfcActivations)[];

const config = z.strictObject({
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("size of the state; another than the model width (the default) adds a projection back to it"),
  mode: z
    .enum(cfcModes)
    .default("default")
    .describe("gate between two maps; no_gate: their gated sum; pure: the closed-form solution"),
  mixedMemory: z.boolean().default(false).describe("whether an LSTM cell updates the state before each step"),
  backboneUnits: z.int().positive().optional().describe("units of each backbone layer; the model width if absent"),
  backboneLayers: z
    .int()
    .nonnegative()
    .default(1)
    .describe("backbone layers over [input, state]; 0: the maps read it themselves"),
  activation: z
    .enum(activationNames)
    .default("lecun_tanh")
    .describe("activation of the backbone; lecun_tanh = 1.7159 tanh(0.666 x)"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.hidden ?? D, U: c.backboneUnits ?? D });
type Dims = ReturnType<typeof dims>;

function params({ D, H, U }: Dims, c: C) {
  const maps = c.mode === "pure" ? H : 4 * H;
  const first = c.backboneLayers === 0 ? maps : U;
  const joint: Init = { kind: "normal", std: 1 / Math.sqrt(D + H) };
  return {
    input: matrix(D, first, { init: joint }),
    recurrent: matrix(H, first, { init: joint }),
    bias: bias(first),
    ...(c.backboneLayers > 1 && {
      deep: tensor([c.backboneLayers - 1, U, U], { kind: "normal", std: 1 / Math.sqrt(U) }),
      deepBias: vector([c.backboneLayers - 1, U]),
    }),
    ...(c.backboneLayers > 0 && { readout: matrix(U, maps), readoutBias: bias(maps) }),
    ...(c.mode === "pure" && { tau: vector(H), asymptote: gain(H) }),
    ...(c.mixedMemory && memoryParams(D, H)),
    ...(H !== D && { out: matrix(H, D, { init: "residual" }) }),
  };
}

export const cfc = defineMixer({
  kind: "cfc",
  title: "Closed-form continuous-time network (CfC)",
  cite: { arxiv: "2106.13898", by: "Hasani et al. 2022" },
  patterns: ["data-gating"],
  equations: [
    "z = backbone([x_t, h_{t−1}])",
    "s = σ(a(z)·Δt + b(z))",
    "default: h_t = (1 − s) ⊙ tanh(f₁ z) + s ⊙ tanh(f₂ z)",
    "no_gate: h_t = tanh(f₁ z) + s ⊙ tanh(f₂ z)",
    "pure: h_t = A − A ⊙ exp(−Δt (|w| + |f z|)) ⊙ f z",
    "mixedMemory: (h, c)_{t−1} ← LSTM(x_t, (h, c)_{t−1}) before each step",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "backboneUnits", unit: 1 },
    { key: "hidden", unit: 1 },
  ],
  reads: ["mask_BT", "dt_BT"],
  capabilities: ({ activation, mode, backboneLayers }) => ({
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    exact: "bitwise",
    smooth: mode === "pure" || (activation === "relu" && backboneLayers > 0) ? "away from ties" : "everywhere",
  }),
  state: ({ H }, c) => ({ h: [H], ...(c.mixedMemory && { c: [H] }) }),
  forward(x_BTD, { c, d, p, s, io }) {
    const at = { s, io, neurons: d.H, mixedMemory: c.mixedMemory };
    const { h_BTH, s: last } = liquidForward(x_BTD, cfcRecurrence(p, optionsOf(c, d, io)), at);
    return { y: output(h_BTH, p.out), s: last };
  },
  step(x_BD, { c, d, p, s, io }) {
    const next = liquidStep(x_BD, cfcRecurrence(p, optionsOf(c, d, io)), { s, io });
    return { y: output(next.h, p.out), s: next };
  },
});

const optionsOf = (c: C, { H }: Dims, io: Io) => ({
  mode: c.mode,
  activation: c.activation,
  layers: c.backboneLayers,
  hidden: H,
  timed: io.dt_BT !== undefined,
});

const output = (h: Tensor, out: Weight | undefined): Tensor => (out ? linear(h, out) : h);
