import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { decayField, epsilonField, rateField, weightDecayField } from "./fields.ts";
import { firstAt } from "./steps.ts";

/** s ← s + g²; p ← p − rate/(1 + (t − 1)·rateDecay)·g/(√s + ε) (Duchi et al. 2011). */
export const adagrad = defineOptimizer({
  kind: "adagrad",
  title: "Adagrad",
  cite: {
    by: "Duchi, Hazan & Singer 2011",
    title: "Adaptive subgradient methods for online learning and stochastic optimization",
  },
  config: z.strictObject({
    learningRate: rateField(0.01),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    rateDecay: z.number().min(0).default(0).describe("how much more each step divides the rate"),
    start: z.number().min(0).default(0).describe("sum of squares before the first step"),
    epsilon: epsilonField(1e-10),
  }),
  slots: ["s"],
  scalarsAt: (c) => (t) => ({ added: c.start * firstAt(t), slowed: 1 / (1 + (t - 1) * c.rateDecay) }),
  update({ p, g, slots, scalars, c }) {
    const s = slots.s.add(scalars.added).add(g.square());
    const step = g.mul(scalars.learningRate.mul(scalars.slowed)).div(s.sqrt().add(c.epsilon));
    return { p: p.sub(step), slots: { s } };
  },
});
