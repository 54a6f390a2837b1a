/**
 * Convolution over a grid of tokens whose taps move to where the tokens tell them.
 * Axes: B batch, T tokens (the grid row by row), I and O features of input and output, k kernel.
 */
import { z } from "zod";
import { convolveDeformed, convolveImage, gridOf, onlyReal, thinned, toImage, toTokens } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, tensor } from "../weights/declare.ts";
import { value } from "../weights/use.ts";
import { columns, reshapeOf, stride, widen, widened } from "./grid-config.ts";

const config = z.strictObject({
  kernel: z.int().positive().max(15).default(3).describe("cells a side of the window before its taps move"),
  stride,
  widen,
  modulated: z
    .boolean()
    .default(false)
    .describe("each tap also has a factor between 0 and 1, ½ at the start (the second version)"),
  bias: z.boolean().default(true).describe("add a learned offset per feature"),
  columns,
});
type C = z.infer<typeof config>;

const dims = (c: C, I: number) => ({
  I,
  O: widened(I, c.widen),
  k: c.kernel,
  moves: c.kernel ** 2 * (c.modulated ? 3 : 2),
});

export const deformableConv2d = defineMixer({
  kind: "deformable-conv2d",
  title: "Deformable convolution over a grid",
  cite: { arxiv: "1703.06211", by: "Dai et al. 2017, section 2.1; modulated: Zhu et al. 2019, arXiv 1811.11168" },
  patterns: ["data-gating"],
  equations: [
    "Δ, z = W_m ∗ x + b_m   (2 numbers a tap; z one more)",
    "y(p) = Σ_j W_j x(p·m + j + Δ_j(p)) σ(z_j(p)) + b,  x between cells bilinear, 0 outside   (stride m; σ if modulated)",
  ],
  config,
  dims,
  params: ({ I, O, k, moves }, c) => ({
    kernel: tensor([O, I, k, k], { kind: "normal", std: 1 / Math.sqrt(I * k * k) }),
    // Taps start where those of a convolution are.
    move: tensor([moves, I, k, k], { kind: "constant", value: 0 }),
    moveBias: bias(moves),
    ...(c.bias && { bias: bias(O) }),
  }),
  reads: ["mask_BT", "grid"],
  reshapes: reshapeOf,
  capabilities: (c) => ({
    flow: "bidirectional",
    state: "none",
    length: c.stride === 1 ? "any" : "fixed",
    batch: "independent",
    smooth: "away from ties",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTI, { c, d, p, io }) {
    const [batch, tokens] = [x_BTI.dim(0), x_BTI.dim(1)];
    const at = { batch, tokens, grid: gridOf(tokens, { grid: io.grid, columns: c.columns }), mask_BT: io.mask_BT };
    const image = toImage(onlyReal(x_BTI, io.mask_BT), at.grid);
    const moves = convolveImage(image, value(p.move), { stride: c.stride }).add(value(p.moveBias).reshape([-1, 1, 1]));
    const taps = d.k ** 2;
    const [offsets, factors] = c.modulated ? moves.split(1, [2 * taps, taps]) : [moves];
    const y_BOhw = convolveDeformed(image, value(p.kernel), {
      offsets: offsets as Tensor,
      factors: factors?.sigmoid(),
      stride: c.stride,
    });
    const y_BTO = toTokens(y_BOhw, c.stride === 1 ? tokens : undefined);
    return {
      y: p.bias ? y_BTO.add(value(p.bias)) : y_BTO,
      s: {},
      ...(c.stride > 1 && { reshaped: thinned(at, c.stride) }),
    };
  },
});
