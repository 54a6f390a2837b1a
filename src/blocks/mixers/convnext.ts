/**
 * What a ConvNeXt block adds to the stream: a wide depthwise convolution over the grid, a norm of each token, and an MLP of it;
 * the residual `layerscale` (or `add` with `response`) and placement `none` make it the block.
 * Axes: B batch, T tokens (the grid row by row), D features, F hidden features, k kernel.
 */
import { z } from "zod";
import { convolveImage, gridOf, onlyReal, toImage, toTokens } from "../../ops/index.ts";
import { gelu, layerNorm, type Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, gain, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value } from "../weights/use.ts";
import { columns } from "./grid-config.ts";

const config = z.strictObject({
  kernel: z.int().positive().max(63).default(7).describe("cells a side of the window"),
  ratio: z.number().positive().default(4).describe("hidden width / model width"),
  response: z
    .boolean()
    .default(false)
    .describe("hidden features compete by their size over the whole grid: global response norm (ConvNeXt V2)"),
  columns,
});

export const convnext = defineMixer({
  kind: "convnext",
  title: "ConvNeXt block",
  cite: { arxiv: "2201.03545", by: "Liu et al. 2022; V2: Woo et al. 2023, arXiv 2301.00808, section 3.2" },
  equations: [
    "F(x) = W₂ g(gelu(W₁ LayerNorm(K ∗ x)))   (K a k × k kernel for each feature alone)",
    "g the identity, or  g(h)_tf = h_tf + γ_f h_tf n_f + β_f,  n_f = ‖h_·f‖ / (mean_f ‖h_·f‖ + 1e-6)",
  ],
  config,
  dims: (c, D: number) => ({ D, F: D * c.ratio, k: c.kernel }),
  params: ({ D, F, k }, c) => ({
    kernel: tensor([D, 1, k, k], { kind: "normal", std: 1 / k }),
    kernelBias: bias(D),
    normGain: gain(D),
    normBias: bias(D),
    up: matrix(D, F),
    upBias: bias(F),
    ...(c.response && { responseGain: vector(F), responseBias: bias(F) }),
    down: matrix(F, D, { init: "residual" }),
    downBias: bias(D),
  }),
  tune: [{ key: "ratio", unit: 1 }],
  reads: ["mask_BT", "grid"],
  capabilities: (c) => ({
    flow: c.kernel === 1 && !c.response ? "both" : "bidirectional",
    state: "none",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, { c, d, p, io: { grid, mask_BT } }) {
    const tokens = x_BTD.dim(1);
    const image = toImage(onlyReal(x_BTD, mask_BT), gridOf(tokens, { grid, columns: c.columns }));
    const near = toTokens(convolveImage(image, value(p.kernel), { groups: d.D }), tokens).add(value(p.kernelBias));
    const hidden = gelu(linear(layerNorm(near, value(p.normGain), value(p.normBias), 1e-6), p.up, p.upBias));
    const h =
      p.responseGain && p.responseBias
        ? hidden.add(value(p.responseBias)).add(response(hidden, mask_BT).mul(hidden).mul(value(p.responseGain)))
        : hidden;
    return { y: linear(h, p.down, p.downBias), s: {} };
  },
});

/** How large each feature is over a sequence's real tokens, beside the mean of all: [B, 1, F]. */
function response(h_BTF: Tensor, mask_BT: Tensor | undefined): Tensor {
  // The root of 0 has no gradient: an empty feature is nothing times nothing.
  const size = onlyReal(h_BTF, mask_BT).square().sum(1, true).add(1e-30).sqrt();
  return size.div(size.mean(2, true).add(1e-6));
}
