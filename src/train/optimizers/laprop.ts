import { z } from "zod";
import { scalar } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { epsilonField, rateField, weightDecayField } from "./fields.ts";
import { average, momentFields, unbias } from "./moments.ts";

/** Adam with momentum over the divided gradients, learning rate included; the decay comes after the step (Ziyin et al. 2020). */
export const laprop = defineOptimizer({
  kind: "laprop",
  title: "LaProp: momentum after adaptivity",
  cite: { by: "Ziyin, Wang & Ueda 2020", arxiv: "2002.04839" },
  config: z.strictObject({
    learningRate: rateField(4e-4),
    weightDecay: weightDecayField(),
    ...momentFields,
    epsilon: epsilonField(1e-15),
  }),
  slots: ["m", "v"],
  scalarsAt: unbias,
  update({ p, g, slots, scalars, c }) {
    const v = average(slots.v, g.square(), c.beta2);
    const divisor = v.add(1e-15).sqrt().add(c.epsilon).mul(scalars.unbias2Root);
    const m = average(slots.m, g.mul(scalars.learningRate).div(divisor), c.beta1);
    const kept = scalar(1).sub(scalars.learningRate.mul(scalars.weightDecay));
    return { p: p.sub(m.mul(scalars.unbias1)).mul(kept), slots: { m, v } };
  },
});
