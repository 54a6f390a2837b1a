import { z } from "zod";
import { where } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";
import { firstAt } from "./steps.ts";

/** Steps by the gradient's sign, each coordinate's size growing while the sign stays; for whole-data gradients (Riedmiller & Braun 1993). */
export const rprop = defineOptimizer({
  kind: "rprop",
  title: "Rprop: resilient propagation",
  cite: { by: "Riedmiller & Braun 1993", title: "A direct adaptive method for faster backpropagation learning" },
  config: z.strictObject({
    learningRate: rateField(0.01).describe("size of the first step; the schedule acts at that step only"),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    shrink: z.number().gt(0).lt(1).default(0.5).describe("factor of the size where the sign changed"),
    grow: z.number().gt(1).default(1.2).describe("factor of the size where the sign stayed"),
    smallest: z.number().positive().default(1e-6),
    largest: z.number().positive().default(50),
  }),
  slots: ["previous", "size"],
  scalarsAt: () => (t) => ({ first: firstAt(t) }),
  update({ p, g, slots, scalars, c }) {
    // The signs' product: that of the gradients could underflow.
    const agreement = g.sign().mul(slots.previous.sign());
    const turned = agreement.less(0);
    const start = where(scalars.first.greater(0), scalars.learningRate, slots.size);
    const factor = where(agreement.greater(0), c.grow, where(turned, c.shrink, agreement.mul(0).add(1)));
    const size = start.mul(factor).maximum(c.smallest).minimum(c.largest);
    const previous = where(turned, 0, g);
    return { p: p.sub(size.mul(previous.sign())), slots: { previous, size } };
  },
});
