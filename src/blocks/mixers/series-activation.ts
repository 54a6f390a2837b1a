/**
 * Series activation: a nonlinearity whose output mixes that of neighbours on the grid, feature by feature. With residual `none`,
 * placement `res-post` and norm `batchnorm` it is the activation between two maps of a VanillaNet.
 * Axes: B batch, T tokens (the grid row by row), D features, n reach, k = 2n + 1.
 */
import { z } from "zod";
import { convolveImage, gridOf, onlyReal, toImage, toTokens } from "../../ops/index.ts";
import { activationSchema, activations, smoothnessOf } from "../channels/activation.ts";
import { defineMixer } from "../define.ts";
import { tensor } from "../weights/declare.ts";
import { value } from "../weights/use.ts";
import { columns } from "./grid-config.ts";

const config = z.strictObject({
  reach: z.int().min(0).max(31).default(3).describe("n: cells to each side whose activations take part; 0: none"),
  activation: activationSchema.default("relu").describe("the nonlinearity A"),
  columns,
});

export const seriesActivation = defineMixer({
  kind: "series-activation",
  title: "Series activation",
  cite: { arxiv: "2305.12972", by: "Chen et al. 2023 (VanillaNet), eq. 6" },
  equations: ["y_hwd = Σ_{i,j = −n … n} a_ijd A(x_{h+i, w+j, d})"],
  config,
  dims: (c, D: number) => ({ D, k: 2 * c.reach + 1 }),
  params: ({ D, k }) => ({
    // At first the activation alone.
    shares: tensor([D, 1, k, k], {
      kind: "values",
      fill: () => Array.from({ length: D * k * k }, (_, i) => Number(i % (k * k) === (k * k - 1) / 2)),
    }),
  }),
  reads: ["mask_BT", "grid"],
  capabilities: ({ reach, activation }) => ({
    flow: reach === 0 ? "both" : "bidirectional",
    state: "none",
    length: "any",
    batch: "independent",
    smooth: smoothnessOf(activation),
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, { c, d, p, io: { grid, mask_BT } }) {
    const tokens = x_BTD.dim(1);
    const active = onlyReal(activations[c.activation](x_BTD), mask_BT);
    const image = toImage(active, gridOf(tokens, { grid, columns: c.columns }));
    return { y: toTokens(convolveImage(image, value(p.shares), { groups: d.D }), tokens), s: {} };
  },
});
