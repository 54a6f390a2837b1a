/**
 * Temporal convolutional network: a few dilated causal convolutions one after the other inside one mixer, each with a sum around it,
 * so that one layer reaches far at linear cost.
 * Axes: B batch, T time, D model, k taps, L convolutions; columns [C, B, T].
 */
import { z } from "zod";
import { fromColumns, timeWindows } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type Io } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, type ParameterDeclaration, vector } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";

const config = z.strictObject({
  taps: z.int().min(2).max(64).default(3).describe("tokens under each kernel"),
  depth: z.int().positive().max(16).default(4).describe("convolutions, one after the other"),
  factor: z.int().positive().max(16).default(2).describe("dilation of a convolution / that of the one before; first 1"),
  depthwise: z.boolean().default(false).describe("every feature by itself; mixing features is left to other parts"),
  activation: z.enum(["relu", "none"]).default("relu").describe("nonlinearity after each convolution"),
  project: z.boolean().default(false).describe("whether the output is projected"),
});
type C = z.infer<typeof config>;

const dilations = ({ depth, factor }: C): number[] => Array.from({ length: depth }, (_, l) => factor ** l);

/** Tokens that an output sees, its own among them: 1 + (k − 1) Σ dilations. */
export const receptiveField = (c: Pick<C, "taps" | "depth" | "factor">): number =>
  1 + (c.taps - 1) * dilations(c as C).reduce((sum, dilation) => sum + dilation, 0);

const dims = (c: C, D: number) => ({ D, taps: c.taps });

function params({ D, taps }: ReturnType<typeof dims>, c: C): Record<string, ParameterDeclaration> {
  const kernel = () =>
    c.depthwise ? vector([taps, D], { kind: "normal", std: 1 / Math.sqrt(taps) }) : matrix(taps * D, D);
  const layers = dilations(c).flatMap((_, l): [string, ParameterDeclaration][] => [
    [`conv${l}`, kernel()],
    [`bias${l}`, bias(D)],
  ]);
  return { ...Object.fromEntries(layers), ...(c.project && { out: matrix(D, D, { init: "residual" }) }) };
}

type Stored = Readonly<Record<string, Tensor | undefined>>;

interface At {
  c: C;
  p: Readonly<Record<string, Weight>>;
  s: Stored;
  io: Io;
}

export const tcn = defineMixer({
  kind: "tcn",
  title: "Temporal convolutional network (TCN)",
  cite: { arxiv: "1803.01271", by: "Bai et al. 2018; in place of Mega's averages: Terzic et al. 2023 (TCNCA)" },
  equations: [
    "h⁰ = x;  h^l_t = h^{l−1}_t + relu(Σ_j W^l_j h^{l−1}_{t−(k−1−j)·f^{l−1}} + b^l)   (l = 1 … L)",
    "y = h^L − x   (the stream's own sum is the residual's)",
    "reaches 1 + (k − 1)(f^L − 1)/(f − 1) tokens",
  ],
  config,
  dims,
  params,
  tune: [{ key: "taps", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: ({ activation }) => ({
    ...recurrent,
    smooth: activation === "relu" ? "away from ties" : "everywhere",
  }),
  state: ({ D, taps }, c): Record<string, number[]> =>
    Object.fromEntries(dilations(c).map((dilation, l) => [`past${l}`, [D, (taps - 1) * dilation]])),
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { c, p, s, io }: At) {
  const states: Record<string, Tensor> = {};
  const h_BTD = dilations(c).reduce((h, dilation, l) => {
    const { windows, state_BCP } = timeWindows({
      x_CBT: h.transpose([2, 0, 1]),
      taps: c.taps,
      dilation,
      causal: true,
      state_BCP: s[`past${l}`],
      mask_BT: io.mask_BT,
    });
    states[`past${l}`] = state_BCP;
    const rows = convolved(windows, value(p[`conv${l}`]!), c).add(value(p[`bias${l}`]!));
    return h.add(c.activation === "relu" ? rows.relu() : rows);
  }, x_BTD);
  const y = h_BTD.sub(x_BTD);
  return { y: p["out"] ? linear(y, p["out"]) : y, s: states };
}

/** Windows [k·D, B, T] by kernels [k·D, D], or [k, D] of single features: [B, T, D]. */
function convolved(windows: Tensor, kernel: Tensor, { depthwise, taps }: C): Tensor {
  if (!depthwise) return fromColumns(windows, kernel);
  const [rows, B, T] = windows.shape as [number, number, number];
  return windows
    .reshape([taps, rows / taps, B, T])
    .mul(kernel.reshape([taps, rows / taps, 1, 1]))
    .sum(0)
    .transpose([1, 2, 0]);
}
