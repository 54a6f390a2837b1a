/**
 * Gated short convolution: a depthwise causal convolution between two multiplicative gates.
 * Axes: B batch, T time, D model, W taps; columns [C, B, T].
 */
import { z } from "zod";
import { causalConv, causalConvStep, fromColumns, toColumns } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, tensor } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { kernelInit } from "./mamba-init.ts";

const config = z.strictObject({
  conv: z.int().min(2).default(3).describe("taps of the convolution, in tokens"),
  bias: z.boolean().default(false).describe("whether projections and convolution have a bias"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, W: c.conv });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, W }: Sizes, c: C) => ({
  inputGate: matrix(D, D),
  outputGate: matrix(D, D),
  values: matrix(D, D),
  conv: tensor([D, W], kernelInit(W)),
  out: matrix(D, D, { init: "residual" }),
  ...(c.bias && {
    inputGateBias: bias(D),
    outputGateBias: bias(D),
    valuesBias: bias(D),
    convBias: bias(D, kernelInit(W)),
    outBias: bias(D),
  }),
});

const state = ({ D, W }: Sizes) => ({ conv: [D, W - 1] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { conv?: Tensor | undefined }>;

export const shortConv = defineMixer({
  kind: "short-conv",
  title: "Gated short convolution (LFM2)",
  cite: { by: "Liquid AI 2025 (LFM2)", arxiv: "2511.23404" },
  patterns: ["higher-order", "data-gating"],
  equations: ["[b, c, a] = W x_t", "u = conv(b ⊙ a)   (depthwise, causal)", "y_t = W_out (c_t ⊙ u_t)"],
  config,
  dims,
  params,
  tune: [{ key: "conv", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, causalConv),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, causalConvStep)),
});

function mix(x_BTD: Tensor, { p, s, io }: At, conv: typeof causalConv) {
  const columns = (w: Weight, b: Weight | undefined) => {
    const product = toColumns(x_BTD, value(w));
    return b ? product.add(value(b).reshape([-1, 1, 1])) : product;
  };
  const { y_CBT, state_BCP } = conv({
    x_CBT: columns(p.inputGate, p.inputGateBias).mul(columns(p.values, p.valuesBias)),
    kernel_CK: value(p.conv),
    bias_C: p.convBias && value(p.convBias),
    state_BCP: s.conv,
    mask_BT: io.mask_BT,
  });
  const y = fromColumns(y_CBT.mul(columns(p.outputGate, p.outputGateBias)), value(p.out));
  return { y: p.outBias ? y.add(value(p.outBias)) : y, s: { conv: state_BCP } };
}
