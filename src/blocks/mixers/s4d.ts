/**
 * S4D: a state-space model with a diagonal complex state matrix in every channel, the same at all times.
 * Axes: B batch, T time, D channels, S independent state matrices, N conjugate pairs of states.
 */
import { z } from "zod";
import { complexProduct, diagonalSystem, discretisations, discretise, fromPairs, mapComplex } from "../../ops/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { vector } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import {
  everyCopy,
  type LtiSizes,
  ltiCapabilities,
  ltiConfig,
  ltiDims,
  ltiLayer,
  ltiParams,
  ltiState,
  outputOf,
  perChannel,
} from "./lti-layer.ts";
import { diagonalStart, diagonalStarts, inputStarts } from "./s4-start.ts";

const config = z.strictObject({
  ...ltiConfig,
  init: z
    .enum(diagonalStarts)
    .default("lin")
    .describe("where the state matrix starts: S4D-Lin, -Inv, -Quad, -Real, -LegS"),
  inputInit: z
    .enum(inputStarts)
    .default("constant")
    .describe("where B starts: 1, 1 and −1 in turn, or around the unit circle; legs has its own"),
  discretisation: z.enum(discretisations).default("zoh").describe("zero-order hold or the trapezoidal rule"),
  bandlimit: z
    .number()
    .positive()
    .optional()
    .describe("b: states that turn by b/2 or more of a circle in a step are not read (default: all are)"),
});
type C = z.infer<typeof config>;

function params(d: LtiSizes, c: C) {
  const { A, B } = diagonalStart(c.init, c.state, c.inputInit);
  return {
    logRate: vector([d.S, d.N], everyCopy(A.map(([re]) => Math.log(-re)))),
    frequency: vector([d.S, d.N], everyCopy(A.map(([, im]) => im))),
    B: vector([d.S, d.N, 2], everyCopy(B.flat())),
    ...ltiParams(d, c),
  };
}

type At = MixerContext<C, LtiSizes, Weights<ReturnType<typeof params>>, { x?: Tensor | undefined }>;

export const s4d = defineMixer({
  kind: "s4d",
  title: "S4D",
  cite: { arxiv: "2206.11893", by: "Gu et al. 2022" },
  equations: [
    "x' = A x + B u,  y = 2 Re(C x) + skip · u   (per channel; A = −exp(logRate) + i frequency, diagonal)",
    "zoh: x_t = e^{ΔA} x_{t−1} + (e^{ΔA} − 1)/A · B u_t;  bilinear: x_t = (1 + ΔA/2)/(1 − ΔA/2) x_{t−1} + Δ/(1 − ΔA/2) B u_t",
    "out = a ⊙ σ(b) with [a, b] = W gelu(y) + c",
  ],
  config,
  dims: ltiDims,
  params,
  tune: [{ key: "state", unit: 2 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({ ...ltiCapabilities(c), smooth: c.bandlimit === undefined ? "everywhere" : "away from ties" }),
  state: ltiState,
  forward: (x_BTD, at) => ltiLayer(x_BTD, { ...at, system: systemOf(at) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => ltiLayer(x_BTD, { ...at, system: systemOf(at) })),
});

/** The discrete system of a direction. */
export function systemOf({ c, d, p }: Pick<At, "c" | "d" | "p">) {
  const A = {
    re: perChannel(value(p.logRate).exp().neg(), d),
    im: perChannel(value(p.frequency), d),
  };
  const dt = value(p.logDt).exp().unsqueeze(1);
  const { decay, input } = discretise(A, dt, c.discretisation);
  const B = mapComplex(fromPairs(value(p.B)), (part) => perChannel(part, d));
  const seen =
    c.bandlimit === undefined
      ? undefined
      : A.im
          .abs()
          .mul(dt)
          .less(Math.PI * c.bandlimit);
  return (direction: number, levels: number) => {
    // Both states of a conjugate pair add the same real part.
    const output = mapComplex(outputOf(p.C, direction), (part) => (seen ? where(seen, part.mul(2), 0) : part.mul(2)));
    return diagonalSystem({ decay, input: complexProduct(input, B), output }, levels);
  };
}
