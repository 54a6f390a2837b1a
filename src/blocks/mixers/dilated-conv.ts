/**
 * Dilated convolution: a dense convolution whose taps stand apart, so that few layers reach far.
 * Axes: B batch, T time, D model, I width that is convolved.
 */
import { z } from "zod";
import { layerNorm, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
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
  inner: z
    .int()
    .positive()
    .optional()
    .describe(
      "width that is convolved, between maps from and to the model's, as in ByteNet's residual block (default: the model's, without maps)",
    ),
});
type C = z.infer<typeof config>;

const reachOf = ({ taps, dilation, causal }: C) => ({ taps, dilation, causal });
const dims = (c: C, D: number) => ({ D, I: c.inner ?? D, taps: c.taps, ...sideOf(reachOf(c)) });
type Sizes = ReturnType<typeof dims>;

/** ByteNet's maps, a norm before the convolution and one behind it. */
const mapParams = ({ D, I }: Sizes) => ({
  ...{ down: matrix(D, I), downBias: bias(I), downNorm: gain(I), downNormBias: bias(I) },
  ...{ norm: gain(I), normBias: bias(I), up: matrix(I, D, { init: "residual" }), upBias: bias(D) },
});
const params = (d: Sizes, c: C) => ({
  conv: matrix(d.taps * d.I, d.I),
  bias: bias(d.I),
  ...(c.inner !== undefined && mapParams(d)),
});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { past?: Tensor | undefined }>;

export const dilatedConv = defineMixer({
  kind: "dilated-conv",
  title: "Dilated convolution (ByteNet)",
  cite: { arxiv: "1610.10099", by: "Kalchbrenner et al. 2016" },
  equations: [
    "y_t = relu(Σ_j W_j x_{t−(k−1−j)·dilation} + b)   (j = 0 … k − 1)",
    "inner: y = W_up relu(LN(conv(relu(LN(W_down relu(x))))))   (ByteNet's residual block, behind a pre-norm)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "taps", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    ...convolutionCapabilities(c),
    smooth: c.activation === "relu" || c.inner !== undefined ? "away from ties" : "everywhere",
  }),
  state: ({ I }, c) => convolutionState(I, reachOf(c)),
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { c, p, s, io }: At) {
  const x_BTI = p.down ? normed(linear(x_BTD.relu(), p.down, p.downBias), p.downNorm!, p.downNormBias!).relu() : x_BTD;
  const { rows, s: next } = timeConvolution(x_BTI, {
    weight: p.conv,
    bias: p.bias,
    reach: reachOf(c),
    past: s.past,
    io,
  });
  const y_BTI = p.norm ? normed(rows, p.norm, p.normBias!) : rows;
  const active = c.activation === "relu" ? y_BTI.relu() : y_BTI;
  return { y: p.up ? linear(active, p.up, p.upBias) : active, s: next };
}

const normed = (x: Tensor, weight: Weight, offset: Weight): Tensor => layerNorm(x, value(weight), value(offset), 1e-5);
