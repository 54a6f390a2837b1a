/**
 * Linear recurrent unit: a diagonal complex recurrence between dense maps, stable by its parametrisation and with inputs
 * scaled so that the state keeps their size. Axes: B batch, T time, D model, N complex states.
 */
import { z } from "zod";
import { type Complex, complexExp, complexExpm1, mapComplex } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { chunkOfPowerOfTwo } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { gain, type Init, matrix, vector } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { complexRecurrence, recurrenceCapabilities, recurrenceState } from "./complex-recurrence.ts";

const config = z.strictObject({
  state: z.int().positive().optional().describe("complex states; the model width if absent"),
  radiusMin: z.number().min(0).lt(1).default(0.4).describe("least |λ| at the start"),
  radiusMax: z.number().positive().lt(1).default(0.99).describe("largest |λ| at the start"),
  phaseMax: z
    .number()
    .positive()
    .default(Math.PI / 10)
    .describe("largest angle of λ at the start, in radians a token"),
  bidirectional: z.boolean().default(false).describe("a second scan reads from the end; then there is no decoding"),
  chunk: chunkOfPowerOfTwo(16),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, N: c.state ?? D });
type Sizes = ReturnType<typeof dims>;

function params({ D, N }: Sizes, c: C) {
  const writing: Init = { kind: "normal", std: 1 / Math.sqrt(2 * D) };
  const reading: Init = { kind: "normal", std: 1 / Math.sqrt(N) };
  return {
    logRate: vector(N, onRing(c.radiusMin, c.radiusMax)),
    logPhase: vector(N, logPhases(c.phaseMax)),
    scale: gain(N),
    inputRe: matrix(D, N, { init: writing }),
    inputIm: matrix(D, N, { init: writing }),
    outputRe: matrix(N, D, { init: reading }),
    outputIm: matrix(N, D, { init: reading }),
    ...(c.bidirectional && {
      backRe: matrix(N, D, { init: reading }),
      backIm: matrix(N, D, { init: reading }),
    }),
    skip: vector(D, { kind: "normal", std: 1 }),
  };
}

/** log(−log|λ|) with λ uniform over the area of a ring (Orvieto et al. 2023, lemma 3.2). */
const onRing = (low: number, high: number): Init => ({
  kind: "values",
  fill: (uniform, [size]) =>
    Array.from({ length: size! }, () => Math.log(-0.5 * Math.log(low ** 2 + (1 - uniform()) * (high ** 2 - low ** 2)))),
});

const logPhases = (largest: number): Init => ({
  kind: "values",
  fill: (uniform, [size]) => Array.from({ length: size! }, () => Math.log(largest * (1 - uniform()))),
});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { h?: Tensor | undefined }>;

export const lru = defineMixer({
  kind: "lru",
  title: "Linear recurrent unit (LRU)",
  cite: { arxiv: "2303.06349", by: "Orvieto et al. 2023" },
  equations: [
    "λ = exp(−exp(ν) + i exp(θ)),  γ = scale ⊙ √(1 − |λ|²)",
    "h_t = λ ⊙ h_{t−1} + γ ⊙ (B x_t)",
    "y_t = Re(C h_t) + skip ⊙ x_t",
  ],
  config,
  dims,
  params,
  tune: [{ key: "state", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrenceCapabilities,
  state: recurrenceState,
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { c, p, s, io }: At) {
  const logDecay: Complex = { re: value(p.logRate).exp().neg(), im: value(p.logPhase).exp() };
  const outputs = [{ re: value(p.outputRe), im: value(p.outputIm) }];
  if (p.backRe && p.backIm) outputs.push({ re: value(p.backRe), im: value(p.backIm) });
  const gamma = value(p.scale).mul(normalisation(logDecay.re));
  const { y_BTD, h } = complexRecurrence(x_BTD, {
    decay: complexExp(logDecay),
    input: mapComplex({ re: value(p.inputRe), im: value(p.inputIm) }, (part) => part.mul(gamma)),
    outputs,
    h: s.h,
    chunk: c.chunk,
    io,
  });
  return { y: y_BTD.add(x_BTD.mul(value(p.skip))), s: c.bidirectional ? {} : { h } };
}

/** √(1 − |λ|²) from log|λ|, without cancellation near |λ| = 1. */
const normalisation = (logSize: Tensor): Tensor =>
  complexExpm1({ re: logSize.mul(2), im: logSize.mul(0) })
    .re.neg()
    .sqrt();
