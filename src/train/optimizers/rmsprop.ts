import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, epsilonField, rateField, weightDecayField } from "./fields.ts";
import { average } from "./moments.ts";

/** v ← αv + (1 − α)g², centred by the mean gradient on request; p ← p − rate·g/(√v + ε), through momentum on request. */
export const rmsprop = defineOptimizer({
  kind: "rmsprop",
  title: "RMSprop",
  cite: { by: "Tieleman & Hinton 2012; Graves 2013", arxiv: "1308.0850" },
  config: z.strictObject({
    learningRate: rateField(0.01),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    alpha: betaField(0.99, "decay of the mean squared gradient"),
    epsilon: epsilonField(1e-8),
    momentum: betaField(0, "share of the last step that stays"),
    centered: z.boolean().default(false).describe("divide by the gradient's deviation instead of its root mean square"),
  }),
  slots: (c) => ["v" as const, ...(c.centered ? (["mean"] as const) : []), ...(c.momentum > 0 ? (["b"] as const) : [])],
  update({ p, g, slots, scalars, c }) {
    const v = average(slots.v, g.square(), c.alpha);
    const next: { v: Tensor; mean?: Tensor; b?: Tensor } = { v };
    if (c.centered) next.mean = average(slots.mean, g, c.alpha);
    // Rounding may take a variance below 0.
    const variance = next.mean ? v.sub(next.mean.square()).maximum(0) : v;
    const direction = g.div(variance.sqrt().add(c.epsilon));
    if (c.momentum > 0) next.b = slots.b.mul(c.momentum).add(direction);
    return { p: p.sub((next.b ?? direction).mul(scalars.learningRate)), slots: next };
  },
});
