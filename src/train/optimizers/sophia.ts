import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, epsilonField, rateField, weightDecayField } from "./fields.ts";
import { average } from "./moments.ts";

/**
 * Momentum divided by a running mean of the curvature, clipped: p ← p − rate·clip(m/max(h, ε), ±bound) (Liu et al. 2023,
 * algorithm 3).
 */
export const sophia = defineOptimizer({
  kind: "sophia",
  title: "Sophia: clipped steps by diagonal curvature",
  cite: { by: "Liu et al. 2023", arxiv: "2305.14342" },
  config: z.strictObject({
    learningRate: rateField(0.03),
    weightDecay: weightDecayField(0.1),
    decay: decayField("decoupled"),
    beta1: betaField(0.96, "decay of the mean gradient"),
    beta2: betaField(0.99, "decay of the mean curvature"),
    bound: z.number().positive().default(0.01).describe("largest step before the rate"),
    epsilon: epsilonField(1e-12),
    curvature: z
      .enum(["fisher", "written"])
      .default("fisher")
      .describe(
        "fisher: samples·g², the empirical Gauss–Newton diagonal; written: estimates that the loop writes into the slot `curvature`",
      ),
    samples: z.number().positive().default(2048).describe("predictions that a step's loss is the mean of (fisher)"),
  }),
  slots: (c) => (c.curvature === "written" ? (["m", "h", "curvature"] as const) : (["m", "h"] as const)),
  update({ p, g, slots, scalars, c }) {
    const written = c.curvature === "written";
    const m = average(slots.m, g, c.beta1);
    const h = average(slots.h, written ? slots.curvature : g.square().mul(c.samples), c.beta2);
    const direction = m.div(h.maximum(c.epsilon)).maximum(-c.bound).minimum(c.bound);
    const next = { m, h, ...(written && { curvature: slots.curvature }) };
    return { p: p.sub(direction.mul(scalars.learningRate)), slots: next };
  },
});
