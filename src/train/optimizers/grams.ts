import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { decayField, epsilonField, rateField, weightDecayField } from "./fields.ts";
import { adamDivisor, momentFields, moments, unbias } from "./moments.ts";

/** Adam's step size in the gradient's own direction: p ← p − rate·|m̂/(√v̂ + ε)|·sign(g) (Cao, Li & Song 2024). */
export const grams = defineOptimizer({
  kind: "grams",
  title: "Grams: Adam's size, the gradient's sign",
  cite: { by: "Cao, Li & Song 2024", arxiv: "2412.17107" },
  config: z.strictObject({
    learningRate: rateField(1e-3),
    weightDecay: weightDecayField(),
    decay: decayField("decoupled"),
    ...momentFields,
    epsilon: epsilonField(1e-6),
  }),
  slots: ["m", "v"],
  scalarsAt: unbias,
  update({ p, g, slots, scalars, c }) {
    const { m, v } = moments(g, slots, c);
    const size = m
      .abs()
      .mul(scalars.learningRate.mul(scalars.unbias1))
      .div(adamDivisor(v, scalars, c.epsilon));
    return { p: p.sub(size.mul(g.sign())), slots: { m, v } };
  },
});
