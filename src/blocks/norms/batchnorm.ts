import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineNorm } from "../define.ts";
import { bias, gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

const config = z.strictObject({
  momentum: z
    .number()
    .positive()
    .max(1)
    .default(0.1)
    .describe("share of the batch's statistics in the next running ones"),
  epsilon: z.number().positive().default(1e-5).describe("added to the variance"),
  activation: z.enum(["none", "relu"]).default("none").describe("nonlinearity of the output"),
});

/**
 * Zero mean and unit variance of every feature: over all tokens of the batch in training, so that they depend on each
 * other, later ones included; by running statistics otherwise, each token then alone.
 * Axes: N all tokens of the batch, D model. Buffers start at 0, so the running variance is kept less 1.
 */
export const batchnorm = defineNorm({
  kind: "batchnorm",
  title: "BatchNorm",
  cite: { arxiv: "1502.03167", by: "Ioffe & Szegedy 2015, algorithms 1 and 2" },
  equations: [
    "y = (x − μ) / √(σ² + ε) · g + b",
    "training: μ, σ² over the batch's tokens;  else the running m, v",
    "y ← max(y, 0)  (activation relu)",
    "m ← (1 − α) m + α μ,  v ← (1 − α) v + α σ² n/(n − 1)",
  ],
  config,
  dims: (_c, D) => ({ D }),
  params: ({ D }) => ({ gain: gain(D), bias: bias(D) }),
  buffers: ({ D }) => ({ mean: [D], varianceLessOne: [D] }),
  reads: ["mask_BT"],
  capabilities: ({ activation }) => ({
    flow: "both",
    length: "any",
    batch: "coupled in training",
    smooth: activation === "none" ? "everywhere" : "away from ties",
    exact: "bitwise",
  }),
  forward(x, { c, d: { D }, p, b, io }) {
    const [mean, variance] = [b.mean!, b.varianceLessOne!.add(1)];
    const affine = (normal: Tensor) => {
      const y = normal.mul(value(p.gain)).add(value(p.bias));
      return c.activation === "relu" ? y.relu() : y;
    };
    if (io.mode === "eval") return { y: affine(x.sub(mean).div(variance.add(c.epsilon).sqrt())) };
    const batch = statistics(x.reshape([-1, D]), io.mask_BT);
    const blend = (running: Tensor, now: Tensor) => running.add(now.stopGradient().sub(running).mul(c.momentum));
    return {
      y: affine(x.sub(batch.mean).div(batch.variance.add(c.epsilon).sqrt())),
      buffers: { mean: blend(mean, batch.mean), varianceLessOne: blend(variance, batch.unbiased).sub(1) },
    };
  },
});

/** Mean and variance of every feature over real tokens; `unbiased` divides by one less. */
function statistics(x_ND: Tensor, mask_BT: Tensor | undefined): Record<"mean" | "variance" | "unbiased", Tensor> {
  const real_N1 = mask_BT && where(mask_BT, 1, 0).reshape([-1, 1]);
  const sum = (t: Tensor) => (real_N1 ? t.mul(real_N1) : t).sum(0);
  const count = real_N1 ? real_N1.sum().maximum(1) : x_ND.dim(0);
  const mean = sum(x_ND).div(count);
  const squares = sum(x_ND.sub(mean).square());
  const others = real_N1 ? real_N1.sum().sub(1).maximum(1) : Math.max(x_ND.dim(0) - 1, 1);
  return { mean, variance: squares.div(count), unbiased: squares.div(others) };
}
