import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, rateField, weightDecayField } from "./fields.ts";

/** b ← μ·b + (1 − dampening)·g, with b = g at the first step as in PyTorch; p ← p − rate·b (Polyak's heavy ball). */
export const momentum = defineOptimizer({
  kind: "momentum",
  title: "Gradient descent with heavy-ball momentum",
  cite: { by: "Polyak 1964", title: "Some methods of speeding up the convergence of iteration methods" },
  config: z.strictObject({
    learningRate: rateField(0.1),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    momentum: betaField(0.9, "share of the last step's velocity that stays"),
    dampening: z.number().min(0).lt(1).default(0).describe("share of the gradient that does not enter the velocity"),
  }),
  slots: ["b"],
  scalarsAt: (c) => (t) => ({ kept: t === 1 ? 0 : c.momentum, fresh: t === 1 ? 1 : 1 - c.dampening }),
  update({ p, g, slots, scalars }) {
    const b = slots.b.mul(scalars.kept).add(g.mul(scalars.fresh));
    return { p: p.sub(b.mul(scalars.learningRate)), slots: { b } };
  },
});
