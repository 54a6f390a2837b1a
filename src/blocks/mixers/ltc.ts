/**
 * Liquid time-constant network: neurons whose time constants depend on input and state, solved between tokens by a few
 * semi-implicit steps; a wiring says which of them are connected.
 * Axes: B batch, T time, D model, H neurons, M of them the output.
 */
import { z } from "zod";
import type { Shape, Tensor } from "../../tensor/index.ts";
import { defineMixer, type Io } from "../define.ts";
import { bias, gain, type Init, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { liquidForward, liquidStep } from "./liquid-scan.ts";
import { memoryParams } from "./lstm-cell.ts";
import { ltcRecurrence, positivities } from "./ltc-cell.ts";
import { outputsOf, wiringChoice, wiringOf } from "./ncp-wiring.ts";

const mappings = ["none", "linear", "affine"] as const;

const config = z.strictObject({
  hidden: z
    .int()
    .positive()
    .optional()
    .describe(
      "number of neurons (default: the model width); as many outputs as the width need no projection back to it",
    ),
  wiring: wiringChoice,
  unfolds: z.int().positive().default(6).describe("solver steps per token"),
  epsilon: z.number().nonnegative().default(1e-8).describe("added to the total conductance"),
  inputMapping: z.enum(mappings).default("affine").describe("gain (linear) and offset (affine) of each input"),
  outputMapping: z
    .enum(mappings)
    .default("affine")
    .describe("gain (linear) and offset (affine) of each neuron's output"),
  positivity: z
    .enum(positivities)
    .default("softplus")
    .describe("what keeps strengths, leaks and capacities from being negative; relu: a bound, as after clipping"),
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
  const M = outputsOf(c.wiring, H);
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
    ...(c.outputMapping !== "none" && { outputGain: gain(M) }),
    ...(c.outputMapping === "affine" && { outputBias: bias(M) }),
    ...(c.mixedMemory && memoryParams(D, H)),
    ...(M !== D && { out: matrix(M, D, { init: "residual" }) }),
  };
}
type P = Weights<ReturnType<typeof params>>;

export const ltc = defineMixer({
  kind: "ltc",
  title: "Liquid time-constant network (LTC)",
  cite: { arxiv: "2006.04439", by: "Hasani et al. 2021" },
  patterns: ["data-gating"],
  equations: [
    "cm dv/dt = g (v_leak − v) + Σ_s w_s σ(σ_s (v_s − μ_s)) (E_s − v), s over inputs and neurons",
    "v ← (r v + g v_leak + Σ a_s E_s) / (r + g + Σ a_s + ε),  r = cm · unfolds / Δt,  a_s = w_s σ(σ_s (v_s − μ_s))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT", "dt_BT"],
  capabilities: ({ positivity }) => ({
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    smooth: positivity === "relu" ? "away from ties" : "everywhere",
    exact: "bitwise",
  }),
  state: ({ H }, c) => ({ h: [H], ...(c.mixedMemory && { c: [H] }) }),
  forward(x_BTD, { c, d, p, s, io }) {
    const at = { s, io, neurons: d.H, mixedMemory: c.mixedMemory };
    const { h_BTH, s: last } = liquidForward(x_BTD, ltcRecurrence(p, optionsOf(c, d, io)), at);
    return { y: ltcOutput(h_BTH, p, outputsOf(c.wiring, d.H)), s: last };
  },
  step(x_BD, { c, d, p, s, io }) {
    const next = liquidStep(x_BD, ltcRecurrence(p, optionsOf(c, d, io)), { s, io });
    return { y: ltcOutput(next.h, p, outputsOf(c.wiring, d.H)), s: next };
  },
});

const optionsOf = ({ unfolds, epsilon, positivity, wiring }: C, { D, H }: Dims, io: Io) => ({
  unfolds,
  epsilon,
  positivity,
  timed: io.dt_BT !== undefined,
  wiring: wiringOf(wiring, { inputs: D, neurons: H }),
});

/** The output neurons' potentials, mapped. */
export function ltcOutput(
  h: Tensor,
  { outputGain, outputBias, out }: Pick<P, "outputGain" | "outputBias" | "out">,
  outputs: number,
): Tensor {
  const v = h.slice(-1, 0, outputs);
  const scaled = outputGain ? v.mul(value(outputGain)) : v;
  const shifted = outputBias ? scaled.add(value(outputBias)) : scaled;
  return out ? linear(shifted, out) : shifted;
}
