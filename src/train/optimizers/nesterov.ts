import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, rateField, weightDecayField } from "./fields.ts";

/** b ← μ·b + g; p ← p − rate·(g + μ·b): the gradient is taken where momentum will have led (Sutskever et al. 2013, eq. 3). */
export const nesterov = defineOptimizer({
  kind: "nesterov",
  title: "Gradient descent with Nesterov momentum",
  cite: {
    by: "Nesterov 1983; Sutskever et al. 2013",
    title: "On the importance of initialization and momentum in deep learning",
  },
  config: z.strictObject({
    learningRate: rateField(0.1),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    momentum: betaField(0.9, "share of the last step's velocity that stays"),
  }),
  slots: ["b"],
  update({ p, g, slots, scalars, c }) {
    const b = slots.b.mul(c.momentum).add(g);
    return { p: p.sub(g.add(b.mul(c.momentum)).mul(scalars.learningRate)), slots: { b } };
  },
});
