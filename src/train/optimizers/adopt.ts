import { z } from "zod";
import { where } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, epsilonField, rateField, weightDecayField } from "./fields.ts";
import { average } from "./moments.ts";
import { firstAt } from "./steps.ts";

/**
 * Adam that converges for any β₂: the gradient is divided by the second moment of the steps before, clipped at t^¼, then averaged;
 * the first step only sets the second moment (Taniguchi et al. 2024, algorithm 2).
 */
export const adopt = defineOptimizer({
  kind: "adopt",
  title: "ADOPT",
  cite: { by: "Taniguchi et al. 2024", arxiv: "2411.02853" },
  config: z.strictObject({
    learningRate: rateField(1e-3),
    weightDecay: weightDecayField(),
    decay: decayField("decoupled"),
    beta1: betaField(0.9, "decay of the mean direction"),
    beta2: betaField(0.9999, "decay of the mean squared gradient"),
    epsilon: epsilonField(1e-6),
  }),
  slots: ["m", "v"],
  scalarsAt: () => (t) => ({ first: firstAt(t), limit: t ** 0.25 }),
  update({ p, g, slots, scalars, c }) {
    const first = scalars.first.greater(0);
    const direction = g.div(slots.v.sqrt().maximum(c.epsilon));
    const clipped = direction.maximum(scalars.limit.neg()).minimum(scalars.limit);
    const m = where(first, slots.m, average(slots.m, clipped, c.beta1));
    const v = where(first, g.square(), average(slots.v, g.square(), c.beta2));
    return { p: p.sub(m.mul(scalars.learningRate)), slots: { m, v } };
  },
});
