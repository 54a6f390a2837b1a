import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";

/** p ← p − rate·g (Robbins & Monro 1951). */
export const sgd = defineOptimizer({
  kind: "sgd",
  title: "Stochastic gradient descent",
  cite: { by: "Robbins & Monro 1951", title: "A stochastic approximation method" },
  config: z.strictObject({
    learningRate: rateField(0.1),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
  }),
  slots: [],
  update: ({ p, g, scalars }) => ({ p: p.sub(g.mul(scalars.learningRate)), slots: {} }),
});
