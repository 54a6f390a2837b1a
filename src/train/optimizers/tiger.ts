import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, rateField, weightDecayField } from "./fields.ts";
import { average } from "./moments.ts";

/** p ← p − rate·sign(m): Lion with one moment (Su 2023). */
export const tiger = defineOptimizer({
  kind: "tiger",
  title: "Tiger: the sign of momentum",
  cite: { by: "Su 2023", url: "https://kexue.fm/archives/9512" },
  config: z.strictObject({
    learningRate: rateField(3e-4),
    weightDecay: weightDecayField(0.1),
    decay: decayField("decoupled"),
    beta: betaField(0.965, "decay of the mean gradient"),
  }),
  slots: ["m"],
  update({ p, g, slots, scalars, c }) {
    const m = average(slots.m, g, c.beta);
    return { p: p.sub(m.sign().mul(scalars.learningRate)), slots: { m } };
  },
});
