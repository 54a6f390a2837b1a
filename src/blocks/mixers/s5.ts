/**
 * S5: one state-space model with many inputs and outputs and a diagonal complex state matrix.
 * Axes: B batch, T time, D model, N complex states.
 */
import { z } from "zod";
import { type Complex, complexProduct, discretisations, discretise, mapComplex } from "../../ops/index.ts";
import { gelu, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { chunkOfPowerOfTwo } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, type Init, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import {
  type ComplexRecurrence,
  complexRecurrence,
  recurrenceCapabilities,
  recurrenceState,
  timedRecurrence,
} from "./complex-recurrence.ts";
import { everyCopy } from "./lti-layer.ts";
import { diagonalStart } from "./s4-start.ts";

const config = z.strictObject({
  state: z.int().positive().default(64).describe("complex states"),
  blocks: z
    .int()
    .positive()
    .default(1)
    .describe("equal parts of the state that each start as HiPPO; must divide state"),
  discretisation: z.enum(discretisations).default("zoh").describe("zero-order hold or the trapezoidal rule"),
  dtMin: z.number().positive().default(1e-3).describe("least step size at the start, in tokens"),
  dtMax: z.number().positive().default(1e-1).describe("largest step size at the start, in tokens"),
  bidirectional: z.boolean().default(false).describe("a second scan reads from the end; then there is no decoding"),
  gate: z.boolean().default(true).describe("y = gelu(y) ⊙ σ(W gelu(y)) at the end; false: nothing"),
  chunk: chunkOfPowerOfTwo(16),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, N: c.state, statesPerBlock: c.state / c.blocks });
type Sizes = ReturnType<typeof dims>;

function params({ D, N, statesPerBlock }: Sizes, c: C) {
  const { A } = diagonalStart("legs", 2 * statesPerBlock);
  const reading: Init = { kind: "normal", std: 1 / Math.sqrt(N) };
  const half: Init = { kind: "normal", std: 1 / Math.sqrt(2 * D) };
  return {
    rate: vector(N, everyCopy(A.map(([re]) => re))),
    frequency: vector(N, everyCopy(A.map(([, im]) => im))),
    logDt: vector(N, { kind: "uniform", low: Math.log(c.dtMin), high: Math.log(c.dtMax) }),
    inputRe: matrix(D, N, { init: half }),
    inputIm: matrix(D, N, { init: half }),
    outputRe: matrix(N, D, { init: reading }),
    outputIm: matrix(N, D, { init: reading }),
    ...(c.bidirectional && {
      backRe: matrix(N, D, { init: reading }),
      backIm: matrix(N, D, { init: reading }),
    }),
    skip: vector(D, { kind: "normal", std: 1 }),
    ...(c.gate && { gate: matrix(D, D), gateBias: bias(D) }),
  };
}

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { h?: Tensor | undefined }>;

export const s5 = defineMixer({
  kind: "s5",
  title: "S5",
  cite: { arxiv: "2208.04933", by: "Smith et al. 2023" },
  equations: [
    "h_t = Λ̄ h_{t−1} + B̄ x_t,  y_t = Re(C h_t) + skip ⊙ x_t   (Λ̄ diagonal, complex)",
    "zoh: Λ̄ = e^{ΛΔ}, B̄ = (Λ̄ − 1)/Λ B;  bilinear: Λ̄ = (1 + ΛΔ/2)/(1 − ΛΔ/2), B̄ = Δ/(1 − ΛΔ/2) B;  Δ times the time that passed",
    "out = g ⊙ σ(W g + b),  g = gelu(y)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "state", unit: 1 }],
  reads: ["mask_BT", "dt_BT"],
  capabilities: recurrenceCapabilities,
  state: recurrenceState,
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { c, p, s, io }: At) {
  const input = { re: value(p.inputRe), im: value(p.inputIm) };
  const outputs = [{ re: value(p.outputRe), im: value(p.outputIm) }];
  if (p.backRe && p.backIm) outputs.push({ re: value(p.backRe), im: value(p.backIm) });
  const rates = { re: value(p.rate), im: value(p.frequency) };
  const step = value(p.logDt).exp();
  const own = { outputs, h: s.h, io };
  const { y_BTD, h } = io.dt_BT
    ? timedRecurrence(x_BTD, { ...own, input, at: (dt_BT) => stepsAt(rates, step, { dt_BT, c }) })
    : recurrence(x_BTD, { ...own, input, rates, step, c });
  const mixed = y_BTD.add(x_BTD.mul(value(p.skip)));
  return { y: gated(mixed, p), s: c.bidirectional ? {} : { h } };
}

interface Steady extends Pick<ComplexRecurrence, "input" | "outputs" | "h" | "io"> {
  rates: Complex;
  step: Tensor;
  c: C;
}

/** Every step has the same length. */
function recurrence(x_BTD: Tensor, { rates, step, c, input, ...own }: Steady) {
  const { decay, input: scale } = discretise(rates, step, c.discretisation);
  return complexRecurrence(x_BTD, { ...own, decay, input: complexProduct(input, scale), chunk: c.chunk });
}

/** Steps are the learned ones times the time that passed: [N, B, T]. */
function stepsAt(rates: Complex, step: Tensor, { dt_BT, c }: { dt_BT: Tensor; c: C }) {
  const column = (x: Tensor) => x.reshape([-1, 1, 1]);
  const { decay, input } = discretise(mapComplex(rates, column), column(step).mul(dt_BT), c.discretisation);
  return { decay, scale: input };
}

function gated(y: Tensor, p: At["p"]): Tensor {
  if (!p.gate) return y;
  const g = gelu(y);
  return g.mul(linear(g, p.gate, p.gateBias).sigmoid());
}
