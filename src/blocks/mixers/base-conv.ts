/**
 * BaseConv: a convolution of the input times a projection of it, the smallest gated convolution.
 * Axes: B batch, T time, D model, W taps, L lags, F hidden width of the filter's network; columns [C, B, T].
 */
import { z } from "zod";
import { afterHistory, causalConv, causalConvStep, convolveHistory, longConv } from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type FiniteState, type GrowingState, type MixerContext } from "../define.ts";
import { bias, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { lagFeatures } from "./implicit-filter.ts";
import { kernelInit } from "./mamba-init.ts";
import { assertTokens } from "./max-tokens.ts";

const config = z.strictObject({
  filter: z
    .enum(["short", "explicit", "implicit"])
    .default("short")
    .describe("a few taps; a weight for every lag; or a network that makes the weight from the lag"),
  taps: z.int().min(2).default(3).describe("taps of a short filter, in tokens"),
  maxTokens: z.int().min(2).default(2048).describe("longest sequence of a long filter, in tokens"),
  activation: z.enum(["silu", "none"]).default("none").describe("nonlinearity of both factors"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, W: c.taps, L: c.maxTokens, F: 16 });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, W, L, F }: Sizes, c: C) => ({
  projection: matrix(D, D),
  projectionBias: bias(D),
  ...(c.filter === "short" && { conv: tensor([D, W], kernelInit(W)), convBias: bias(D, kernelInit(W)) }),
  ...(c.filter === "explicit" && { conv: tensor([D, L], { kind: "normal", std: 1 / Math.sqrt(L) }) }),
  ...(c.filter === "implicit" && {
    lags: vector([L, 3], lagFeatures),
    first: matrix(3, F),
    firstBias: bias(F),
    last: matrix(F, D, { init: { kind: "normal", std: 1 / Math.sqrt(F * L) } }),
    lastBias: bias(D),
  }),
});

/** `conv`: the last inputs of a short filter; `past`: every earlier input of a long one. */
const state = ({ D, W }: Sizes, c: C): { conv?: FiniteState; past?: GrowingState } =>
  c.filter === "short" ? { conv: { shape: [D, W - 1] } } : { past: { shape: (tokens) => [D, tokens], axis: 1 } };

type At = MixerContext<
  C,
  Sizes,
  Weights<ReturnType<typeof params>>,
  { conv?: Tensor | undefined; past?: Tensor | undefined }
>;

export const baseConv = defineMixer({
  kind: "base-conv",
  title: "BaseConv",
  cite: { arxiv: "2312.04927", by: "Arora et al. 2024" },
  patterns: ["higher-order", "data-gating"],
  equations: [
    "y = conv(x) ⊙ (W x + b) + x",
    "conv: depthwise and causal; a few taps and a bias, or k * x + x with a filter k as long as the sequence",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: "causal",
    batch: "independent",
    smooth: c.filter === "implicit" ? "away from ties" : "everywhere",
    ...(c.filter === "short"
      ? { state: "finite", length: "any", exact: "bitwise" }
      : { state: "growing", length: "max", exact: "rounding" }),
  }),
  state,
  forward(x_BTD, at) {
    if (at.c.filter === "short") return short(x_BTD, at, causalConv);
    const x_CBT = x_BTD.transpose([2, 0, 1]);
    assertTokens("base-conv", x_BTD.dim(1), at.c.maxTokens);
    const { s, io } = at;
    const real = io.mask_BT ? x_CBT.mul(io.mask_BT.cast("f32")) : x_CBT;
    const kernel = longFilter(at, s.past ? at.c.maxTokens : x_BTD.dim(1));
    const convolved =
      s.past && io.length_B
        ? afterHistory(real, { past_BCP: s.past, length_B: io.length_B }, (whole) => longConv(whole, kernel))
        : longConv(real, kernel);
    return long(x_BTD, { convolved, entered: real }, at);
  },
  step(x_BD, at) {
    const x_BTD = x_BD.unsqueeze(1);
    if (at.c.filter === "short") return squeezed(short(x_BTD, at, causalConvStep));
    const entered = x_BTD.transpose([2, 0, 1]);
    const history = { past_BCP: at.s.past!, length_B: at.io.length_B! };
    const convolved = convolveHistory(entered, history, longFilter(at, at.c.maxTokens));
    return squeezed(long(x_BTD, { convolved, entered }, at));
  },
});

const squeezed = <S>({ y, s }: { y: Tensor; s: S }) => ({ y: y.squeeze(1), s });

function short(x_BTD: Tensor, at: At, conv: typeof causalConv) {
  const { y_CBT, state_BCP } = conv({
    x_CBT: x_BTD.transpose([2, 0, 1]),
    kernel_CK: value(at.p.conv!),
    bias_C: value(at.p.convBias!),
    state_BCP: at.s.conv,
    mask_BT: at.io.mask_BT,
  });
  return { y: product(x_BTD, y_CBT.transpose([1, 2, 0]), at), s: { conv: state_BCP } };
}

function long(x_BTD: Tensor, { convolved, entered }: { convolved: Tensor; entered: Tensor }, at: At) {
  return {
    y: product(x_BTD, convolved.transpose([1, 2, 0]).add(x_BTD), at),
    s: { past: entered.transpose([1, 0, 2]) },
  };
}

function product(x_BTD: Tensor, convolved_BTD: Tensor, { c, p }: At): Tensor {
  const active = (x: Tensor) => (c.activation === "silu" ? silu(x) : x);
  return active(convolved_BTD)
    .mul(active(linear(x_BTD, p.projection, p.projectionBias)))
    .add(x_BTD);
}

/** [D, lags]. */
function longFilter({ p }: At, lags: number): Tensor {
  if (!p.lags) return value(p.conv!).slice(1, 0, lags);
  const hidden = linear(value(p.lags).slice(0, 0, lags), p.first!, p.firstBias).relu();
  return linear(hidden, p.last!, p.lastBias).transpose([1, 0]);
}
