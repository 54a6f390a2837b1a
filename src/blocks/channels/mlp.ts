import { z } from "zod";
import { defineChannel } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
import { activationSchema, activations, smoothnessOf } from "./activation.ts";

/** Two matrices with a nonlinearity between: φ(x·W₁ + b₁)·W₂ + b₂, each token alone. */
export const mlp = defineChannel({
  kind: "mlp",
  title: "MLP",
  cite: { arxiv: "1706.03762", by: "Vaswani et al. 2017, eq. 2" },
  equations: ["y = φ(x·W₁ + b₁)·W₂ + b₂"],
  config: z.strictObject({
    ratio: z.number().positive().default(4).describe("hidden width / model width"),
    hidden: z.int().positive().optional().describe("hidden width itself, instead of ratio"),
    activation: activationSchema.default("gelu").describe("nonlinearity φ"),
    bias: z.boolean().default(true).describe("whether the products have offsets"),
  }),
  dims: (c, D) => ({ D, F: c.hidden ?? Math.round(c.ratio * D) }),
  params: ({ D, F }, c) => ({
    up: matrix(D, F),
    down: matrix(F, D, { init: "residual" }),
    ...(c.bias && { upBias: bias(F), downBias: bias(D) }),
  }),
  tune: [{ key: "hidden", unit: 1 }],
  capabilities: ({ activation }) => ({
    flow: "both",
    length: "any",
    batch: "independent",
    smooth: smoothnessOf(activation),
    exact: "bitwise",
  }),
  forward: (x, { c, p }) => ({ y: linear(activations[c.activation](linear(x, p.up, p.upBias)), p.down, p.downBias) }),
});
