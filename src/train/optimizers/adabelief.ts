import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";
import { adamDivisor, average, momentFields, unbias } from "./moments.ts";

/** Adam that divides by the gradient's deviation from its mean: s ← β₂s + (1 − β₂)(g − m)² + ε (Zhuang et al. 2020, algorithm 2). */
export const adabelief = defineOptimizer({
  kind: "adabelief",
  title: "AdaBelief",
  cite: { by: "Zhuang et al. 2020", arxiv: "2010.07468" },
  config: z.strictObject({
    learningRate: rateField(1e-3),
    weightDecay: weightDecayField(),
    decay: decayField("decoupled"),
    ...momentFields,
  }),
  slots: ["m", "s"],
  scalarsAt: unbias,
  update({ p, g, slots, scalars, c }) {
    const m = average(slots.m, g, c.beta1);
    const s = average(slots.s, g.sub(m).square(), c.beta2).add(c.epsilon);
    const step = m.mul(scalars.learningRate.mul(scalars.unbias1)).div(adamDivisor(s, scalars, c.epsilon));
    return { p: p.sub(step), slots: { m, s } };
  },
});
