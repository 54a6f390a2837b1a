/**
 * Lightweight and dynamic convolutions: a head's features share one kernel over time, normalised by a softmax, which is learned
 * or which every token predicts for itself.
 * Axes: B batch, T time, D model, H heads, K taps; columns [C, B, T].
 */
import { z } from "zod";
import { fromColumns, glu, timeWindows } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { convolutionCapabilities, convolutionState, sideOf } from "./time-convolution.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  taps: z.int().min(2).default(7).describe("tokens under the kernel; odd unless causal"),
  kernel: z
    .enum(["dynamic", "lightweight"])
    .default("dynamic")
    .describe("dynamic: every token predicts its kernels; lightweight: they are the same everywhere"),
  softmax: z.boolean().default(true).describe("whether a kernel's taps are shares that add up to 1"),
  glu: z.boolean().default(true).describe("whether a gated linear unit stands in front of the convolution"),
  causal: z
    .boolean()
    .default(true)
    .describe("the kernel ends at the present; false: it is centred there, and nothing decodes"),
});
type C = z.infer<typeof config>;

const reachOf = ({ taps, causal }: C) => ({ taps, dilation: 1, causal });
const dims = (c: C, D: number) => ({ D, H: c.heads, perHead: D / c.heads, taps: c.taps, ...sideOf(reachOf(c)) });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, taps }: Sizes, c: C) => ({
  in: matrix(D, c.glu ? 2 * D : D),
  inBias: bias(c.glu ? 2 * D : D),
  ...(c.kernel === "dynamic" && { predictor: matrix(D, H * taps) }),
  kernel: vector([H, taps], c.kernel === "dynamic" ? 0 : { kind: "normal", std: 1 / Math.sqrt(taps) }),
  out: matrix(D, D, { init: "residual" }),
  outBias: bias(D),
});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { past?: Tensor | undefined }>;

export const dynamicConv = defineMixer({
  kind: "dynamic-conv",
  title: "Dynamic convolution",
  cite: { arxiv: "1901.10430", by: "Wu et al. 2019" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "h = glu(x W_i + b_i)",
    "κ_t = softmax_j(h_t W_κ + k)   (H heads of K taps; lightweight: softmax_j(k))",
    "y_t = (Σ_j κ_tj h_{t−K+1+j}) W_o + b_o   (a head's features share κ)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "taps", unit: 2 }],
  reads: ["mask_BT"],
  capabilities: convolutionCapabilities,
  state: ({ D }, c) => convolutionState(D, reachOf(c)),
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At) {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const wide = linear(x_BTD, p.in, p.inBias);
  const h_BTD = c.glu ? glu(wide) : wide;
  const { windows, state_BCP } = timeWindows({
    x_CBT: h_BTD.transpose([2, 0, 1]),
    ...reachOf(c),
    state_BCP: s.past,
    mask_BT: io.mask_BT,
  });
  const taps_KHCBT = windows.reshape([d.taps, d.H, d.perHead, B, T]);
  const y_CBT = taps_KHCBT.mul(kernels(h_BTD, { c, d, p })).sum(0).reshape([d.D, B, T]);
  return {
    y: fromColumns(y_CBT, value(p.out)).add(value(p.outBias)),
    s: c.causal ? { past: state_BCP } : {},
  };
}

/** [K, H, 1, B, T], or [K, H, 1, 1, 1] where they are the same everywhere. */
export function kernels(h_BTD: Tensor, { c, d, p }: Pick<At, "c" | "d" | "p">): Tensor {
  const normal = (t: Tensor) => (c.softmax ? t.softmax(-1) : t);
  if (!p.predictor) return normal(value(p.kernel)).transpose([1, 0]).reshape([d.taps, d.H, 1, 1, 1]);
  const logits = linear(h_BTD, p.predictor).reshape([h_BTD.dim(0), h_BTD.dim(1), d.H, d.taps]);
  return normal(logits.add(value(p.kernel)))
    .transpose([3, 2, 0, 1])
    .unsqueeze(2);
}
