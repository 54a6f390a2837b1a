import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, rateField, weightDecayField } from "./fields.ts";
import { average } from "./moments.ts";

/** p ← p − rate·sign(β₁m + (1 − β₁)g), then m ← β₂m + (1 − β₂)g (Chen et al. 2023, algorithm 2). */
export const lion = defineOptimizer({
  kind: "lion",
  title: "Lion: evolved sign momentum",
  cite: { by: "Chen et al. 2023", arxiv: "2302.06675" },
  config: z.strictObject({
    learningRate: rateField(3e-4),
    weightDecay: weightDecayField(0.1),
    decay: decayField("decoupled"),
    beta1: betaField(0.9, "weight of the mean gradient in the step"),
    beta2: betaField(0.99, "decay of the mean gradient"),
    cautious: z
      .boolean()
      .default(false)
      .describe("move only where step and gradient agree, by as much in all (Liang et al. 2024)"),
  }),
  scope: (c) => (c.cautious ? "tensor" : "element"),
  slots: ["m"],
  update({ p, g, slots, scalars, c }) {
    const direction = average(slots.m, g, c.beta1).sign();
    const step = c.cautious ? agreeing(direction, g) : direction;
    return { p: p.sub(step.mul(scalars.learningRate)), slots: { m: average(slots.m, g, c.beta2) } };
  },
});

/** The steps that go down the gradient, times size/(count + 1) (Liang et al. 2024, algorithm 1: arXiv 2411.16085). */
function agreeing(step: Tensor, g: Tensor): Tensor {
  const kept = where(step.mul(g).greater(0), 1, step.mul(0));
  return step.mul(kept).mul(kept.sum().add(1).reciprocal().mul(step.size));
}
