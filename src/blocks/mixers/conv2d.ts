/**
 * Convolution over a grid of tokens with zeros around it.
 * Axes: B batch, T tokens (the grid row by row), I and O features of input and output, h and w rows and columns, k kernel.
 */
import { z } from "zod";
import { convolveImage, gridOf, onlyReal, thinned, toImage, toTokens } from "../../ops/index.ts";
import { defineMixer } from "../define.ts";
import { bias, tensor } from "../weights/declare.ts";
import { value } from "../weights/use.ts";
import { columns, reshapeOf, stride, widen, widened } from "./grid-config.ts";

const config = z.strictObject({
  kernel: z.int().positive().max(63).default(3).describe("cells a side of the window"),
  stride,
  dilation: z.int().positive().max(64).default(1).describe("cells from one tap of the kernel to the next"),
  groups: z
    .union([z.int().positive(), z.literal("features")])
    .default(1)
    .describe("parts of the features that see only each other; features: each alone (depthwise)"),
  widen,
  bias: z.boolean().default(true).describe("add a learned offset per feature"),
  columns,
});
type C = z.infer<typeof config>;

/** `part` are the features of one group. */
function dims(c: C, I: number) {
  const groups = c.groups === "features" ? I : c.groups;
  const O = widened(I, c.widen);
  return { I, O, groups, part: I / groups, outPart: O / groups, k: c.kernel };
}

export const conv2d = defineMixer({
  kind: "conv2d",
  title: "Convolution over a grid",
  cite: { by: "LeCun et al. 1989", url: "https://doi.org/10.1162/neco.1989.1.4.541" },
  equations: [
    "y_rs = Σ_ij W_ij x_(rm + (i − a)d, sm + (j − a)d) + b   (i, j = 0 … k − 1; stride m, dilation d; 0 outside the grid)",
    "a = (k − 1)/2 at stride 1 and odd k;  a window of k = m is one of the patches that tile the grid",
  ],
  config,
  dims,
  params: ({ O, part, k }, c) => ({
    kernel: tensor([O, part, k, k], { kind: "normal", std: 1 / Math.sqrt(part * k * k) }),
    ...(c.bias && { bias: bias(O) }),
  }),
  reads: ["mask_BT", "grid"],
  reshapes: reshapeOf,
  capabilities: (c) => ({
    flow: c.kernel === 1 && c.stride === 1 ? "both" : "bidirectional",
    state: "none",
    length: c.stride === 1 ? "any" : "fixed",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTI, { c, d, p, io }) {
    const [batch, tokens] = [x_BTI.dim(0), x_BTI.dim(1)];
    const at = { batch, tokens, grid: gridOf(tokens, { grid: io.grid, columns: c.columns }), mask_BT: io.mask_BT };
    const image = toImage(onlyReal(x_BTI, io.mask_BT), at.grid);
    const options = { stride: c.stride, dilation: c.dilation, groups: d.groups };
    const y_BTO = toTokens(convolveImage(image, value(p.kernel), options), c.stride === 1 ? tokens : undefined);
    return {
      y: p.bias ? y_BTO.add(value(p.bias)) : y_BTO,
      s: {},
      ...(c.stride > 1 && { reshaped: thinned(at, c.stride) }),
    };
  },
});
