import { z } from "zod";
import {
  averagedIterateFields,
  averagedStep,
  averagingScalars,
  linearWarmup,
  warmupField,
} from "./averaged-iterate.ts";
import { defineOptimizer } from "./define.ts";
import { rateField, weightDecayField } from "./fields.ts";
import { adamDivisor, average, momentFields, unbias } from "./moments.ts";

/** AdamW over schedule-free averaging: beta1 takes momentum's place; no learning-rate schedule is needed. */
export const scheduleFreeAdamw = defineOptimizer({
  kind: "schedule-free-adamw",
  title: "Schedule-free AdamW",
  cite: { by: "Defazio et al. 2024", arxiv: "2405.15682" },
  config: z.strictObject({
    learningRate: rateField(2.5e-3),
    weightDecay: weightDecayField(0.1),
    ...momentFields,
    beta1: z.number().gt(0).lt(1).default(0.9).describe("how far gradients are taken towards the average"),
    warmupSteps: warmupField,
    ...averagedIterateFields,
  }),
  slots: ["v", "z", "x"],
  scalarsAt(c, rate) {
    const averaging = averagingScalars(c, rate, linearWarmup(c.warmupSteps));
    return (t) => ({ ...averaging(t), unbias2Root: unbias(c)(t).unbias2Root });
  },
  evaluates: "x",
  update({ p, g, slots, scalars, c }) {
    const v = average(slots.v, g.square(), c.beta2);
    const direction = g.div(adamDivisor(v, scalars, c.epsilon)).add(p.mul(scalars.weightDecay));
    const next = averagedStep({ p, direction, z: slots.z, scalars, beta: c.beta1 });
    return { p: next.p, slots: { v, z: next.z, x: next.x } };
  },
});
