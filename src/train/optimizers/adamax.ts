import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";
import { average, momentFields, unbias } from "./moments.ts";

/** Adam by the infinity norm: u ← max(β₂u, |g| + ε), p ← p − rate·m̂/u (Kingma & Ba 2015, algorithm 2). */
export const adamax = defineOptimizer({
  kind: "adamax",
  title: "Adamax: Adam by the infinity norm",
  cite: { by: "Kingma & Ba 2015", arxiv: "1412.6980" },
  config: z.strictObject({
    learningRate: rateField(2e-3),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    ...momentFields,
  }),
  slots: ["m", "u"],
  scalarsAt: (c) => (t) => ({ unbias1: unbias(c)(t).unbias1 }),
  update({ p, g, slots, scalars, c }) {
    const m = average(slots.m, g, c.beta1);
    const u = slots.u.mul(c.beta2).maximum(g.abs().add(c.epsilon));
    return { p: p.sub(m.mul(scalars.learningRate.mul(scalars.unbias1)).div(u)), slots: { m, u } };
  },
});
