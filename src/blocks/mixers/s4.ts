/**
 * S4: a state-space model in every channel whose state matrix is diagonal minus low rank, started as HiPPO.
 * Axes: B batch, T time, D channels, S independent state matrices, N conjugate pairs of states, X = 2N real numbers of
 * state (real parts, then imaginary parts).
 */
import { z } from "zod";
import {
  type Complex,
  complexReciprocal,
  denseSystem,
  diagonalMatrix,
  fromPairs,
  hippoMeasures,
  mapComplex,
} from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
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
import { lowRankStart } from "./s4-start.ts";

const config = z.strictObject({
  ...ltiConfig,
  init: z
    .enum(hippoMeasures)
    .default("legs")
    .describe("HiPPO measure at the start: scaled Legendre, translated Legendre or Fourier"),
});
type C = z.infer<typeof config>;

function params(d: LtiSizes, c: C) {
  const { re, im, B, P } = lowRankStart(c.init, c.state);
  return {
    logRate: vector([d.S, d.N], everyCopy(im.map(() => Math.log(-re)))),
    frequency: vector([d.S, d.N], everyCopy(im)),
    B: vector([d.S, d.N, 2], everyCopy(B.flat())),
    P: vector([d.S, P.length, d.N, 2], everyCopy(P.flat(2))),
    ...ltiParams(d, c),
  };
}

type At = MixerContext<C, LtiSizes, Weights<ReturnType<typeof params>>, { x?: Tensor | undefined }>;

export const s4 = defineMixer({
  kind: "s4",
  title: "S4",
  cite: { arxiv: "2111.00396", by: "Gu et al. 2022" },
  equations: [
    "x' = (A − P P*) x + B u,  y = 2 Re(C x) + skip · u   (per channel; A = −exp(logRate) + i frequency, diagonal)",
    "x_t = (2/Δ − M)⁻¹ ((2/Δ + M) x_{t−1} + 2 B u_t),  M = A − P P*   (bilinear; the inverse by Woodbury's identity)",
    "out = a ⊙ σ(b) with [a, b] = W gelu(y) + c",
  ],
  config,
  dims: ltiDims,
  params,
  tune: [{ key: "state", unit: 2 }],
  reads: ["mask_BT"],
  capabilities: ltiCapabilities,
  state: ltiState,
  forward: (x_BTD, at) => ltiLayer(x_BTD, { ...at, system: systemOf(at) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => ltiLayer(x_BTD, { ...at, system: systemOf(at) })),
});

/** The discrete system of a direction: with E = (2/Δ − M)⁻¹, (2/Δ − M)⁻¹(2/Δ + M) = 4/Δ·E − 1. */
export function systemOf({ d, p }: Pick<At, "d" | "p">) {
  const rate = value(p.logDt).exp().reciprocal().mul(2).reshape([-1, 1, 1]);
  const E = inverse({ d, p }, rate);
  const identity = diagonalMatrix(
    rate
      .squeeze(2)
      .expand([d.D, 2 * d.N])
      .mul(0)
      .add(1),
  );
  const B = mapComplex(fromPairs(value(p.B)), (part) => perChannel(part, d));
  return (direction: number, levels: number) => {
    // Both states of a conjugate pair add the same real part.
    const { re, im } = outputOf(p.C, direction);
    return denseSystem(
      {
        A: E.mul(rate.mul(2)).sub(identity),
        input: E.matmul(concat(1, [B.re, B.im]).mul(2).unsqueeze(2)).squeeze(2),
        output: concat(1, [re, im.neg()]).mul(2),
      },
      levels,
    );
  };
}

/** (2/Δ − A + P P*)⁻¹ as a real matrix [D, X, X]: the diagonal's, then one rank after another (Sherman & Morrison). */
function inverse({ d, p }: Pick<At, "d" | "p">, rate_D11: Tensor): Tensor {
  const diagonal: Complex = {
    re: perChannel(value(p.logRate).exp(), d).add(rate_D11.squeeze(2)),
    im: perChannel(value(p.frequency), d).neg(),
  };
  const P = value(p.P);
  const ranks = Array.from({ length: P.dim(1) }, (_, r) =>
    mapComplex(fromPairs(P.at(1, r)), (part) => perChannel(part, d)),
  );
  return ranks.reduce(
    (E, { re, im }) => {
      const column = E.matmul(concat(1, [re, im]).unsqueeze(2));
      // P* x over the whole conjugate-closed state is twice the real part over one of each pair.
      const row = concat(1, [re, im]).mul(2).unsqueeze(1);
      const below = row.matmul(column).add(1);
      return E.sub(column.matmul(row.matmul(E).div(below)));
    },
    realMatrix(complexReciprocal(diagonal)),
  );
}

/** Multiplication by a diagonal of complex numbers [D, N] as real matrices [D, X, X]. */
function realMatrix({ re, im }: Complex): Tensor {
  const [real, imaginary] = [diagonalMatrix(re), diagonalMatrix(im)];
  return concat(1, [concat(2, [real, imaginary.neg()]), concat(2, [imaginary, real])]);
}
