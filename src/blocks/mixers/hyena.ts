/**
 * Hyena: projections of the input multiply each other in turn, with a long convolution between two products whose filter
 * is a function of the lag. Axes: B batch, T time, D model, P = order + 1 projections, F width of the filter's network,
 * E features of a lag, L lags; columns [C, B, T].
 */
import { z } from "zod";
import {
  afterHistory,
  causalConv,
  causalConvStep,
  convolveHistory,
  fromColumns,
  longConv,
  toColumns,
} from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type FiniteState, type GrowingState, type MixerContext } from "../define.ts";
import { bias, gain, matrix, type ParameterDeclaration, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { fadeOf, lagFeatures } from "./implicit-filter.ts";
import { kernelInit } from "./mamba-init.ts";
import { assertTokens } from "./max-tokens.ts";

const config = z.strictObject({
  order: z.int().min(2).default(2).describe("products in a row; between two of them stands a long convolution"),
  conv: z.int().min(2).default(3).describe("taps of the short convolution, in tokens"),
  filterWidth: z.int().positive().default(64).describe("hidden width of the network that makes the filters"),
  filterLayers: z.int().positive().default(2).describe("hidden layers of that network after its first"),
  lagFeatures: z.int().min(3).default(3).describe("its inputs for a lag, odd: the lag and pairs of sines and cosines"),
  sineFrequency: z.number().positive().default(10).describe("start of the factors inside its sines"),
  maxTokens: z.int().min(2).default(2048).describe("longest sequence, in tokens: the lags that have a filter"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({
  D,
  P: c.order + 1,
  F: c.filterWidth,
  E: c.lagFeatures,
  lagPairs: (c.lagFeatures - 1) / 2,
  L: c.maxTokens,
  /** Channels that are convolved. */
  V: (c.order - 1) * D,
});
type Sizes = ReturnType<typeof dims>;

function params({ D, P, F, E, L, V }: Sizes, c: C) {
  const layers: Record<`layer${number}` | `layer${number}Bias`, ParameterDeclaration> = {};
  for (let i = 0; i < c.filterLayers; i++) {
    layers[`layer${i}`] = matrix(F, F);
    layers[`layer${i}Bias`] = bias(F);
  }
  return {
    in: matrix(D, P * D),
    inBias: bias(P * D),
    conv: tensor([P * D, c.conv], kernelInit(c.conv)),
    convBias: bias(P * D, kernelInit(c.conv)),
    lags: vector([L, E], lagFeatures),
    first: matrix(E, F),
    firstBias: bias(F),
    ...layers,
    sine: gain(F, c.sineFrequency),
    last: matrix(F, V),
    skip: vector(V, { kind: "normal", std: 1 }),
    out: matrix(D, D, { init: "residual" }),
    outBias: bias(D),
  };
}

/** `past`: what entered the long convolutions, for every earlier token. */
const state = ({ D, P, V }: Sizes, c: C): { conv: FiniteState; past: GrowingState } => ({
  conv: { shape: [P * D, c.conv - 1] },
  past: { shape: (tokens) => [V, tokens], axis: 1 },
});

type At = MixerContext<
  C,
  Sizes,
  Weights<ReturnType<typeof params>>,
  { conv?: Tensor | undefined; past?: Tensor | undefined }
>;

export const hyena = defineMixer({
  kind: "hyena",
  title: "Hyena",
  cite: { arxiv: "2302.10866", by: "Poli et al. 2023" },
  patterns: ["higher-order", "data-gating"],
  equations: [
    "[x⁰, …, x^{order−1}, v] = conv(W x + b)   (short, depthwise, causal)",
    "u = v ⊙ xⁱ;  v ← k * u + skip ⊙ u   for i = order − 1 … 1;  y = W_out (v ⊙ x⁰) + c",
    "k_l = e^{−l·δ/(L−1)} ⊙ W₃ sin(ω W₂ sin(ω W₁ features(l)))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "filterWidth", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: {
    flow: "causal",
    state: "growing",
    length: "max",
    batch: "independent",
    smooth: "everywhere",
    exact: "rounding",
  },
  state,
  forward(x_BTD, at) {
    const { c, p, s, io } = at;
    assertTokens("hyena", x_BTD.dim(1), c.maxTokens);
    const { y_CBT, state_BCP } = causalConv({ ...shortConv(x_BTD, at), mask_BT: io.mask_BT });
    const columns = io.mask_BT ? y_CBT.mul(io.mask_BT.cast("f32")) : y_CBT;
    const convolve = (u: Tensor, kernel: Tensor, past: Tensor | undefined) =>
      past && io.length_B
        ? afterHistory(u, { past_BCP: past, length_B: io.length_B }, (whole) => longConv(whole, kernel))
        : longConv(u, kernel);
    const lags = s.past ? c.maxTokens : x_BTD.dim(1);
    const { y, past } = products(columns, at, { lags, convolve });
    return { y: linearRows(y, p), s: { conv: state_BCP, past } };
  },
  step(x_BD, at) {
    const { c, p, io } = at;
    const { y_CBT, state_BCP } = causalConvStep(shortConv(x_BD.unsqueeze(1), at));
    const convolve = (u: Tensor, kernel: Tensor, past: Tensor | undefined) =>
      convolveHistory(u, { past_BCP: past!, length_B: io.length_B! }, kernel);
    const { y, past } = products(y_CBT, at, { lags: c.maxTokens, convolve });
    return { y: linearRows(y, p).squeeze(1), s: { conv: state_BCP, past } };
  },
});

const shortConv = (x_BTD: Tensor, { p, s }: At) => ({
  x_CBT: toColumns(x_BTD, value(p.in)).add(value(p.inBias).reshape([-1, 1, 1])),
  kernel_CK: value(p.conv),
  bias_C: value(p.convBias),
  state_BCP: s.conv,
});

const linearRows = (y_CBT: Tensor, p: At["p"]): Tensor => fromColumns(y_CBT, value(p.out)).add(value(p.outBias));

interface Convolution {
  /** Lags for which a filter is needed. */
  lags: number;
  convolve: (u_CBT: Tensor, kernel_CL: Tensor, past_BCP: Tensor | undefined) => Tensor;
}

/** The chain of products and convolutions, and what entered the convolutions [B, V, T]. */
function products(columns: Tensor, { c, d, p, s }: At, { lags, convolve }: Convolution) {
  const parts = columns.split(0, new Array<number>(d.P).fill(d.D));
  const filters = filtersOf(p, { lags, d, layers: c.filterLayers });
  const entered: Tensor[] = [];
  let v = parts.at(-1)!;
  for (let i = 0; i < c.order - 1; i++) {
    const own = (t: Tensor, axis: number) => t.slice(axis, i * d.D, (i + 1) * d.D);
    const u = v.mul(parts[c.order - 1 - i]!);
    entered.push(u);
    const skip = own(value(p.skip), 0).reshape([-1, 1, 1]);
    v = convolve(u, own(filters, 0), s.past && own(s.past, 1)).add(u.mul(skip));
  }
  return { y: v.mul(parts[0]!), past: concat(0, entered).transpose([1, 0, 2]) };
}

/** [V, lags]. */
export function filtersOf(p: At["p"], { lags, d, layers }: { lags: number; d: Sizes; layers: number }): Tensor {
  const sine = (h: Tensor) => h.mul(value(p.sine)).sin();
  let h = sine(value(p.lags).slice(0, 0, lags).matmul(value(p.first)).add(value(p.firstBias)));
  const network = p as Readonly<Record<string, Weight>>;
  for (let i = 0; i < layers; i++) h = sine(linear(h, network[`layer${i}`]!, network[`layer${i}Bias`]!));
  return value(p.last)
    .matmul(h, { transA: true, transB: true })
    .mul(fadeOf(d.V, lags, d.L));
}
