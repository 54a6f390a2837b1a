import { z } from "zod";
import { standardize } from "../../ops/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineNorm } from "../define.ts";
import { bias, gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/**
 * Zero mean and unit variance over groups of neighbouring features: of each token, or as for images of a whole sequence,
 * whose tokens then depend on later ones.
 * Axes: B batch, T time, G groups, K features of a group.
 */
export const groupnorm = defineNorm({
  kind: "groupnorm",
  title: "GroupNorm",
  cite: { arxiv: "1803.08494", by: "Wu & He 2018, eq. 1–4" },
  equations: ["y = (x − μ_G) / √(σ²_G + ε) · g + b,  μ_G, σ²_G over the group's features (of the sequence's tokens)"],
  config: z.strictObject({
    groups: z.int().positive().default(4).describe("groups of features; must divide the model width"),
    over: z
      .enum(["token", "sequence"])
      .default("token")
      .describe("what statistics are of: each token alone, or all tokens of a sequence (not causal)"),
    epsilon: z.number().positive().default(1e-5).describe("added to the variance"),
  }),
  dims: (c, D) => ({ D, G: c.groups, K: D / c.groups }),
  params: ({ D }) => ({ gain: gain(D), bias: bias(D) }),
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: c.over === "token" ? "both" : "bidirectional",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  forward(x, { c, d: { G, K }, p, io }) {
    const grouped = x.reshape([...x.shape.slice(0, -1), G, K]);
    const normal =
      c.over === "token" ? standardize(grouped, -1, c.epsilon) : overSequence(grouped, c.epsilon, io.mask_BT);
    return { y: normal.reshape(x.shape).mul(value(p.gain)).add(value(p.bias)) };
  },
});

function overSequence(x_BTGK: Tensor, epsilon: number, mask_BT: Tensor | undefined): Tensor {
  const axes = [1, 3];
  if (mask_BT === undefined) return standardize(x_BTGK, axes, epsilon);
  const real_BT11 = where(mask_BT, 1, 0).unsqueeze(2).unsqueeze(3);
  const count = real_BT11.sum(axes, true).mul(x_BTGK.dim(3)).maximum(1);
  const mean = (t: Tensor) => t.mul(real_BT11).sum(axes, true).div(count);
  const centred = x_BTGK.sub(mean(x_BTGK));
  return centred.div(mean(centred.square()).add(epsilon).sqrt());
}
