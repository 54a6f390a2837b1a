/**
 * HAT's channel attention block: two narrow convolutions over a grid of tokens, then a factor for each feature from all of them.
 * Axes: B batch, T tokens (the grid row by row), D model, F features between the convolutions, k kernel.
 */
import { z } from "zod";
import { convolveImage, gridOf, onlyReal, toImage, toTokens } from "../../ops/index.ts";
import { gelu, type Tensor } from "../../tensor/index.ts";
import { squeezeExcite } from "../channels/squeeze-excite.ts";
import { defineMixer } from "../define.ts";
import { nest, unnest } from "../nesting.ts";
import { bias, type ParameterDeclaration, tensor } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";
import { columns } from "./grid-config.ts";

const config = z.strictObject({
  kernel: z.int().positive().max(15).default(3).describe("cells a side of both windows"),
  compress: z.number().positive().default(3).describe("model width / features between the convolutions"),
  squeeze: z.number().positive().default(30).describe("model width / hidden width of the net that finds the factors"),
  columns,
});
type C = z.infer<typeof config>;

const channelOf = ({ squeeze }: C) => squeezeExcite.config.parse({ reduction: squeeze });
const dims = (c: C, D: number) => ({ D, F: Math.max(1, Math.floor(D / c.compress)), k: c.kernel });
type Sizes = ReturnType<typeof dims>;

const kernelOf = (inputs: number, outputs: number, k: number) =>
  tensor([outputs, inputs, k, k], { kind: "normal", std: 1 / Math.sqrt(inputs * k * k) });

const params = ({ D, F, k }: Sizes, c: C): Record<string, ParameterDeclaration> => ({
  kernel1: kernelOf(D, F, k),
  bias1: bias(F),
  kernel2: kernelOf(F, D, k),
  bias2: bias(D),
  ...nest("squeeze", squeezeExcite.params(squeezeExcite.dims(channelOf(c), D), channelOf(c))),
});

export const cab = defineMixer({
  kind: "cab",
  title: "Channel attention block (HAT)",
  cite: { arxiv: "2205.04437", by: "Chen et al. 2023, section 3.2; Zhang et al. 2018 (RCAN)" },
  patterns: ["data-gating"],
  equations: ["z = W₂ ∗ gelu(W₁ ∗ x + b₁) + b₂,  y_t = z_t ⊙ σ(V₂ relu(V₁ mean_t z_t + a₁) + a₂)"],
  config,
  dims,
  params,
  reads: ["mask_BT", "grid"],
  capabilities: {
    flow: "bidirectional",
    state: "none",
    length: "any",
    batch: "independent",
    // The net between is rectified.
    smooth: "away from ties",
    exact: "bitwise",
  },
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const tokens = x_BTD.dim(1);
    const grid = gridOf(tokens, { grid: io.grid, columns: c.columns });
    const layer = (x: Tensor, which: 1 | 2) => {
      const image = toImage(onlyReal(x, io.mask_BT), grid);
      return toTokens(convolveImage(image, value(p[`kernel${which}`]!)), tokens).add(value(p[`bias${which}`]!));
    };
    const z_BTD = layer(gelu(layer(x_BTD, 1)), 2);
    const channel = channelOf(c);
    const weights = unnest("squeeze", p as Readonly<Record<string, Weight>>) as never;
    const at = { c: channel, d: squeezeExcite.dims(channel, d.D), p: weights, b: {}, io };
    return { y: squeezeExcite.forward(z_BTD, at).y, s: {} };
  },
});
