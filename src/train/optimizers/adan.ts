import { z } from "zod";
import { scalar, where } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { betaField, epsilonField, rateField, weightDecayField } from "./fields.ts";
import { average } from "./moments.ts";
import { firstAt } from "./steps.ts";

/**
 * Nesterov momentum without the extra gradient: moments of the gradient, of its change and of the extrapolated gradient
 * (Xie et al. 2022, algorithm 1; adan-pytorch's first step only stores the gradient). Betas weigh the old value.
 */
export const adan = defineOptimizer({
  kind: "adan",
  title: "Adan",
  cite: { by: "Xie et al. 2022", arxiv: "2208.06677" },
  config: z.strictObject({
    learningRate: rateField(1e-3),
    weightDecay: weightDecayField(),
    beta1: betaField(0.98, "decay of the mean gradient"),
    beta2: betaField(0.92, "decay of the mean change of the gradient"),
    beta3: betaField(0.99, "decay of the mean squared extrapolated gradient"),
    epsilon: epsilonField(1e-8),
  }),
  slots: ["m", "v", "n", "previous"],
  scalarsAt: (c) => (t) => ({
    first: firstAt(t),
    unbias1: 1 / (1 - c.beta1 ** t),
    unbias2: 1 / (1 - c.beta2 ** t),
    unbias3: 1 / (1 - c.beta3 ** t),
  }),
  update({ p, g, slots, scalars, c }) {
    const first = scalars.first.greater(0);
    const change = g.sub(slots.previous);
    const m = where(first, slots.m, average(slots.m, g, c.beta1));
    const v = where(first, slots.v, average(slots.v, change, c.beta2));
    const n = where(first, slots.n, average(slots.n, g.add(change.mul(c.beta2)).square(), c.beta3));
    const direction = m.mul(scalars.unbias1).add(v.mul(scalars.unbias2.mul(c.beta2)));
    const step = direction.mul(scalars.learningRate).div(n.mul(scalars.unbias3).sqrt().add(c.epsilon));
    const shrink = scalar(1).add(scalars.learningRate.mul(scalars.weightDecay));
    return { p: p.sub(where(first, step.mul(0), step)).div(shrink), slots: { m, v, n, previous: g } };
  },
});
