/**
 * Gated convolution: a dense convolution to twice the width, one half of which gates the other.
 * Axes: B batch, T time, D model.
 */
import { z } from "zod";
import { glu } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix } from "../weights/declare.ts";
import type { Weights } from "../weights/use.ts";
import { convolutionCapabilities, convolutionState, sideOf, timeConvolution } from "./time-convolution.ts";

const config = z.strictObject({
  taps: z.int().min(2).default(3).describe("tokens under the kernel; odd unless causal"),
  causal: z
    .boolean()
    .default(true)
    .describe("the kernel ends at the present; false: it is centred there, and nothing decodes"),
});
type C = z.infer<typeof config>;

const reachOf = (c: C) => ({ taps: c.taps, dilation: 1, causal: c.causal });
const dims = (c: C, D: number) => ({ D, taps: c.taps, ...sideOf(reachOf(c)) });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, taps }: Sizes) => ({ conv: matrix(taps * D, 2 * D), bias: bias(2 * D) });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { past?: Tensor | undefined }>;

export const convGlu = defineMixer({
  kind: "conv-glu",
  title: "Gated convolution (ConvS2S)",
  cite: { arxiv: "1705.03122", by: "Gehring et al. 2017" },
  patterns: ["higher-order", "data-gating"],
  equations: ["[a, b]_t = Σ_j W_j x_{t−k+1+j} + c   (j = 0 … k − 1)", "y_t = a_t ⊙ σ(b_t)"],
  config,
  dims,
  params,
  tune: [{ key: "taps", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: convolutionCapabilities,
  state: ({ D }, c) => convolutionState(D, reachOf(c)),
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { c, p, s, io }: At) {
  const { rows, s: next } = timeConvolution(x_BTD, {
    weight: p.conv,
    bias: p.bias,
    reach: reachOf(c),
    past: s.past,
    io,
  });
  return { y: glu(rows), s: next };
}
