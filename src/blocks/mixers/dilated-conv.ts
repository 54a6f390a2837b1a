/**
 * Dilated convolution: a dense convolution whose taps stand apart, so that few layers reach far.
 * Axes: B batch, T time, D model.
 */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix } from "../weights/declare.ts";
import type { Weights } from "../weights/use.ts";
import { convolutionCapabilities, convolutionState, sideOf, timeConvolution } from "./time-convolution.ts";

const config = z.strictObject({
  taps: z.int().min(2).default(3).describe("tokens under the kernel; odd unless causal"),
  dilation: z
    .int()
    .positive()
    .default(1)
    .describe("tokens from one tap to the next; usually doubled from layer to layer"),
  causal: z
    .boolean()
    .default(true)
    .describe("the kernel ends at the present; false: it is centred there, and nothing decodes"),
  activation: z.enum(["relu", "none"]).default("relu").describe("nonlinearity after the convolution"),
});
type C = z.infer<typeof config>;

const reachOf = ({ taps, dilation, causal }: C) => ({ taps, dilation, causal });
const dims = (c: C, D: number) => ({ D, taps: c.taps, ...sideOf(reachOf(c)) });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, taps }: Sizes) => ({ conv: matrix(taps * D, D), bias: bias(D) });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { past?: Tensor | undefined }>;

export const dilatedConv = defineMixer({
  kind: "dilated-conv",
  title: "Dilated convolution (ByteNet)",
  cite: { arxiv: "1610.10099", by: "Kalchbrenner et al. 2016" },
  equations: ["y_t = relu(Σ_j W_j x_{t−(k−1−j)·dilation} + b)   (j = 0 … k − 1)"],
  config,
  dims,
  params,
  tune: [{ key: "taps", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    ...convolutionCapabilities(c),
    smooth: c.activation === "relu" ? "away from ties" : "everywhere",
  }),
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
  return { y: c.activation === "relu" ? rows.relu() : rows, s: next };
}
