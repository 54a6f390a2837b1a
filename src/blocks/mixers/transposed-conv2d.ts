/**
 * Transposed convolution over a grid of tokens whose windows do not overlap: every cell becomes stride · stride ones.
 * Axes: B batch, T tokens (the grid row by row), I and O features, m stride.
 */
import { z } from "zod";
import { gridOf, onlyReal, spread, toImage, toTokens } from "../../ops/index.ts";
import { convTranspose } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, tensor } from "../weights/declare.ts";
import { value } from "../weights/use.ts";
import { columns, reshapeOf, widen, widened } from "./grid-config.ts";

const config = z.strictObject({
  stride: z.int().positive().max(16).default(1).describe("cells a side that each cell becomes"),
  widen,
  bias: z.boolean().default(true).describe("add a learned offset per feature"),
  columns,
});

export const transposedConv2d = defineMixer({
  kind: "transposed-conv2d",
  title: "Transposed convolution over a grid (up-convolution)",
  cite: { arxiv: "1505.04597", by: "Ronneberger et al. 2015; Zeiler et al. 2010" },
  equations: [
    "y_(rm+i, sm+j) = Wᵢⱼ x_rs + b   (i, j = 0 … m − 1): the adjoint of a convolution with kernel and stride m",
  ],
  config,
  dims: (c, I: number) => ({ I, O: widened(I, c.widen), m: c.stride }),
  params: ({ I, O, m }, c) => ({
    kernel: tensor([I, O, m, m], { kind: "normal", std: 1 / Math.sqrt(I) }),
    ...(c.bias && { bias: bias(O) }),
  }),
  reads: ["mask_BT", "grid"],
  reshapes: (c, width) => {
    const thinned = reshapeOf(c, width);
    return thinned && { ...thinned, stride: 1 / c.stride };
  },
  capabilities: (c) => ({
    // Each cell stays within its own.
    flow: "both",
    state: "none",
    length: c.stride === 1 ? "any" : "fixed",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTI, { c, p, io }) {
    const [batch, tokens] = [x_BTI.dim(0), x_BTI.dim(1)];
    const at = { batch, tokens, grid: gridOf(tokens, { grid: io.grid, columns: c.columns }), mask_BT: io.mask_BT };
    const image = toImage(onlyReal(x_BTI, io.mask_BT), at.grid);
    const y_BOhw = convTranspose(image, value(p.kernel), { strides: [c.stride, c.stride] });
    const y_BTO = toTokens(y_BOhw, c.stride === 1 ? tokens : undefined);
    return {
      y: p.bias ? y_BTO.add(value(p.bias)) : y_BTO,
      s: {},
      ...(c.stride > 1 && { reshaped: spread(at, c.stride) }),
    };
  },
});
