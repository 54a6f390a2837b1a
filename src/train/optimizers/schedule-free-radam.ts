import { z } from "zod";
import { where } from "../../tensor/index.ts";
import { averagedIterateFields, averagedStep, averagingScalars } from "./averaged-iterate.ts";
import { defineOptimizer } from "./define.ts";
import { rateField, weightDecayField } from "./fields.ts";
import { adamDivisor, average, momentFields, unbias } from "./moments.ts";
import { rectification } from "./rectification.ts";

/** RAdam over schedule-free averaging: the rectification is the warm-up. */
export const scheduleFreeRadam = defineOptimizer({
  kind: "schedule-free-radam",
  title: "Schedule-free RAdam",
  cite: { by: "Defazio et al. 2024; Liu et al. 2020", arxiv: "2405.15682" },
  config: z.strictObject({
    learningRate: rateField(2.5e-3),
    weightDecay: weightDecayField(),
    ...momentFields,
    beta1: z.number().gt(0).lt(1).default(0.9).describe("how far gradients are taken towards the average"),
    early: z
      .enum(["still", "sgd"])
      .default("still")
      .describe("before the second moment is steady: stand still, or descend"),
    ...averagedIterateFields,
  }),
  slots: ["v", "z", "x"],
  scalarsAt(c, rate) {
    const factorAt = (t: number) => rectification(c.beta2, t).factor;
    const averaging = averagingScalars(c, rate, (t) =>
      Number.isNaN(factorAt(t)) ? Number(c.early === "sgd") : factorAt(t),
    );
    return (t) => ({
      ...averaging(t),
      adaptive: Number(!Number.isNaN(factorAt(t))),
      unbias2Root: unbias(c)(t).unbias2Root,
    });
  },
  evaluates: "x",
  update({ p, g, slots, scalars, c }) {
    const v = average(slots.v, g.square(), c.beta2);
    const divided = g.div(adamDivisor(v, scalars, c.epsilon));
    const direction = where(scalars.adaptive.greater(0), divided, g).add(p.mul(scalars.weightDecay));
    const next = averagedStep({ p, direction, z: slots.z, scalars, beta: c.beta1 });
    return { p: next.p, slots: { v, z: next.z, x: next.x } };
  },
});
