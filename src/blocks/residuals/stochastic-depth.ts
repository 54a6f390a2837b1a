import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineResidual } from "../define.ts";
import { gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/**
 * x + F(x), where training leaves F out with some probability, for each sequence of the batch by itself (rows of a
 * stream without time axis count as sequences). What stays is divided by the probability of staying, so that the
 * expectation is the sum of evaluation.
 */
export const stochasticDepth = defineResidual({
  kind: "stochastic-depth",
  title: "Stochastic depth",
  cite: { arxiv: "1603.09382", by: "Huang et al. 2016; per sample and with a scale: Touvron et al. 2021 (CaiT)" },
  equations: ["y = x + b/(1 − p) · λ ⊙ F(x),  b = 0 with probability p in training, else 1;  p = 0 in evaluation"],
  config: z.strictObject({
    dropProb: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe("p; papers let it rise linearly with depth, from 0 to 0.2 … 0.5"),
    initial: z.number().nullable().default(null).describe("start of LayerScale's factors λ; null: none"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({ ...(c.initial !== null && { scale: gain(D, c.initial) }) }),
  forward(x, y, { c: { dropProb }, p, io }) {
    const branch = p.scale ? y.mul(value(p.scale)) : y;
    if (io.mode === "eval" || dropProb === 0) return x.add(branch);
    if (dropProb === 1) return x;
    return x.add(branch.mul(kept(x, dropProb, io.rng("drop").uniform([x.dim(0)]))));
  },
});

/** 1/(1 − p) for sequences that keep the branch, else 0. */
function kept(x: Tensor, dropProb: number, uniform_B: Tensor): Tensor {
  const factor_B = where(uniform_B.less(dropProb), 0, 1 / (1 - dropProb));
  return factor_B.reshape(x.shape.map((dim, axis) => (axis === 0 ? dim : 1)));
}
