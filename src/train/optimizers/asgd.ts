import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";

/** Descent with a falling rate η = rate/(1 + λ·rate·(t − 1))^α, meant for averaging: set `ema: "mean"` (Polyak & Juditsky 1992). */
export const asgd = defineOptimizer({
  kind: "asgd",
  title: "Averaged stochastic gradient descent",
  cite: { by: "Polyak & Juditsky 1992", title: "Acceleration of stochastic approximation by averaging" },
  config: z.strictObject({
    learningRate: rateField(0.01),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    lambda: z.number().min(0).default(1e-4).describe("pull towards 0, times the falling rate"),
    alpha: z.number().min(0).default(0.75).describe("power by which the rate falls"),
  }),
  slots: [],
  scalarsAt: (c, rate) => (t) => ({ slowed: (1 + c.lambda * rate(t) * (t - 1)) ** -c.alpha }),
  update({ p, g, scalars, c }) {
    const eta = scalars.learningRate.mul(scalars.slowed);
    return { p: p.sub(p.mul(eta.mul(c.lambda))).sub(g.mul(eta)), slots: {} };
  },
});
