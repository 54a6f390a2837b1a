import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, epsilonField, rateField, weightDecayField } from "./fields.ts";
import { average } from "./moments.ts";

/** Steps in the parameter's own unit: Δ = g·√(a + ε)/√(v + ε), v and a running means of g² and Δ² (Zeiler 2012, algorithm 1). */
export const adadelta = defineOptimizer({
  kind: "adadelta",
  title: "Adadelta",
  cite: { by: "Zeiler 2012", arxiv: "1212.5701" },
  config: z.strictObject({
    learningRate: rateField(1),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    rho: betaField(0.9, "decay of both means"),
    epsilon: epsilonField(1e-6),
  }),
  slots: ["v", "a"],
  update({ p, g, slots, scalars, c }) {
    const v = average(slots.v, g.square(), c.rho);
    const step = g.mul(slots.a.add(c.epsilon).sqrt().div(v.add(c.epsilon).sqrt()));
    return { p: p.sub(step.mul(scalars.learningRate)), slots: { v, a: average(slots.a, step.square(), c.rho) } };
  },
});
