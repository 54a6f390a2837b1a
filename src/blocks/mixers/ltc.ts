/**
 * Liquid time-constant network: neurons whose time constants depend on input and state, solved between tokens by a few
 * semi-implicit steps. Every neuron and input is connected to every neuron.
 * Axes: B batch, T time, D model, H neurons.
 */
import { z } from "zod";
import { gateScan, timeMajor } from "../../ops/index.ts";
import { type Shape, type Tensor, zeros } from "../../tensor/index.ts";
import { defineMixer, type Io } from "../define.ts";
import { bias, gain, type Init, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { memoryParams } from "./lstm-cell.ts";
import { ltcRecurrence } from "./ltc-cell.ts";

const mappings = ["none", "linear", "affine"] as const;

const config = z.strictObject({
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("number of neurons; another than the model width (the default) adds a projection back to it"),
  unfolds: z.int().positive().default(6).describe("solver steps per token"),
  epsilon: z.number().nonnegative().default(1e-8).describe("added to the total conductance"),
  inputMapping: z.enum(mappings).default("affine").describe("gain (linear) and offset (affine) of each input"),
  outputMapping: z
    .enum(mappings)
    .default("affine")
    .describe("gain (linear) and offset (affine) of each neuron's output"),
  mixedMemory: z.boolean().default(false).describe("whether an LSTM cell updates the state before each step"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.hidden ?? D });
type Dims = ReturnType<typeof dims>;

const between = (low: number, high: number): Init => ({ kind: "uniform", low, high });
const signs: Init = {
  kind: "values",
  fill: (uniform, shape) => Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (uniform() < 0.5 ? -1 : 1)),
};

/** Starts of the authors' package. */
function synapseParams(shape: Shape) {
  return [
    tensor(shape, between(0.001, 1)),
    tensor(shape, between(0.3, 0.8)),
    tensor(shape, between(3, 8)),
    tensor(shape, signs),
  ] as const;
}

function params({ D, H }: Dims, c: C) {
  const [inputW, inputMu, inputSigma, inputErev] = synapseParams([D, H]);
  const [w, mu, sigma, erev] = synapseParams([H, H]);
  return {
    inputW,
    inputMu,
    inputSigma,
    inputErev,
    w,
    mu,
    sigma,
    erev,
    gLeak: vector(H, between(0.001, 1)),
    vLeak: vector(H, between(-0.2, 0.2)),
    cm: vector(H, between(0.4, 0.6)),
    ...(c.inputMapping !== "none" && { inputGain: gain(D) }),
    ...(c.inputMapping === "affine" && { inputBias: bias(D) }),
    ...(c.outputMapping !== "none" && { outputGain: gain(H) }),
    ...(c.outputMapping === "affine" && { outputBias: bias(H) }),
    ...(c.mixedMemory && memoryParams(D, H)),
    ...(H !== D && { out: matrix(H, D, { init: "residual" }) }),
  };
}
type P = Weights<ReturnType<typeof params>>;

export const ltc = defineMixer({
  kind: "ltc",
  title: "Liquid time-constant network (LTC)",
  cite: { arxiv: "2006.04439", by: "Hasani et al. 2021" },
  equations: [
    "cm dv/dt = g (v_leak − v) + Σ_s w_s σ(σ_s (v_s − μ_s)) (E_s − v), s over inputs and neurons",
    "v ← (r v + g v_leak + Σ a_s E_s) / (r + g + Σ a_s + ε),  r = cm · unfolds / Δt,  a_s = w_s σ(σ_s (v_s − μ_s))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT", "dt_BT"],
  capabilities: {
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  },
  state: ({ H }, c) => ({ h: [H], ...(c.mixedMemory && { c: [H] }) }),
  forward(x_BTD, { c, d, p, s, io }) {
    const { shares, cell } = ltcRecurrence(p, optionsOf(c, io));
    const empty = () => zeros([x_BTD.dim(0), d.H]);
    const { s: last, emitted } = gateScan({
      start: { h: s.h ?? empty(), ...(c.mixedMemory && { c: s.c ?? empty() }) },
      xs: [...shares(timeMajor(x_BTD)), ...(io.dt_BT ? [timeMajor(io.dt_BT).unsqueeze(-1)] : [])],
      mask_BT: io.mask_BT,
      emit: "h",
      cell,
    });
    return { y: output(timeMajor(emitted), p), s: last };
  },
  step(x_BD, { c, p, s, io }) {
    const { shares, cell } = ltcRecurrence(p, optionsOf(c, io));
    const next = cell(s, [...shares(x_BD), ...(io.dt_BT ? [io.dt_BT.reshape([-1, 1])] : [])]);
    return { y: output(next.h, p), s: next };
  },
});

const optionsOf = ({ unfolds, epsilon }: C, io: Io) => ({ unfolds, epsilon, timed: io.dt_BT !== undefined });

function output(h: Tensor, { outputGain, outputBias, out }: P): Tensor {
  const scaled = outputGain ? h.mul(value(outputGain)) : h;
  const shifted = outputBias ? scaled.add(value(outputBias)) : scaled;
  return out ? linear(shifted, out) : shifted;
}
