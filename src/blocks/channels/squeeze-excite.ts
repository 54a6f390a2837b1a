import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
import { activationSchema, activations, smoothnessOf } from "./activation.ts";

/** Every feature scaled by a gate that a small net opens from the mean over all tokens of the sequence. */
export const squeezeExcite = defineChannel({
  kind: "squeeze-excite",
  title: "Squeeze and excitation",
  cite: { arxiv: "1709.01507", by: "Hu et al. 2018, eq. 2–4" },
  patterns: ["data-gating"],
  equations: ["s = mean_t x_t,  y_t = x_t ⊙ σ(φ(s W₁ + b₁) W₂ + b₂)"],
  config: z.strictObject({
    reduction: z.number().positive().default(16).describe("model width / hidden width of the net"),
    hidden: z.int().positive().optional().describe("hidden width itself, instead of reduction"),
    activation: activationSchema.default("relu").describe("nonlinearity φ of the net"),
  }),
  dims: (c, D) => ({ D, F: c.hidden ?? Math.max(1, Math.round(D / c.reduction)) }),
  params: ({ D, F }) => ({ up: matrix(D, F), upBias: bias(F), down: matrix(F, D), downBias: bias(D) }),
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: ({ activation }) => ({
    flow: "bidirectional",
    length: "any",
    batch: "independent",
    smooth: smoothnessOf(activation),
    exact: "bitwise",
  }),
  forward(x_BTD, { c, p, io }) {
    const hidden = activations[c.activation](linear(meanToken(x_BTD, io.mask_BT), p.up, p.upBias));
    return { y: x_BTD.mul(linear(hidden, p.down, p.downBias).sigmoid()) };
  },
});

/** Mean over a sequence's real tokens: [B, 1, D]. */
function meanToken(x_BTD: Tensor, mask_BT: Tensor | undefined): Tensor {
  if (mask_BT === undefined) return x_BTD.mean(1, true);
  const real_BT1 = where(mask_BT, 1, 0).unsqueeze(2);
  return x_BTD.mul(real_BT1).sum(1, true).div(real_BT1.sum(1, true).maximum(1));
}
