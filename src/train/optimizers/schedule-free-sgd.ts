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

/** Gradient descent over schedule-free averaging; no learning-rate schedule is needed. */
export const scheduleFreeSgd = defineOptimizer({
  kind: "schedule-free-sgd",
  title: "Schedule-free gradient descent",
  cite: { by: "Defazio et al. 2024", arxiv: "2405.15682" },
  config: z.strictObject({
    learningRate: rateField(0.1),
    weightDecay: weightDecayField(),
    momentum: z.number().gt(0).lt(1).default(0.9).describe("β: how far gradients are taken towards the average"),
    warmupSteps: warmupField,
    ...averagedIterateFields,
  }),
  slots: ["z", "x"],
  scalarsAt: (c, rate) => averagingScalars(c, rate, linearWarmup(c.warmupSteps)),
  evaluates: "x",
  update({ p, g, slots, scalars, c }) {
    const direction = g.add(p.mul(scalars.weightDecay));
    const next = averagedStep({ p, direction, z: slots.z, scalars, beta: c.momentum });
    return { p: next.p, slots: { z: next.z, x: next.x } };
  },
});
