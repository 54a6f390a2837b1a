import { z } from "zod";
import { scalar, where } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { epsilonField, rateField, weightDecayField } from "./fields.ts";
import { momentFields, moments, unbias } from "./moments.ts";
import { norm } from "./norms.ts";

/**
 * Adam whose step is as long as rate·‖p‖ for every tensor (You et al. 2020, algorithm 2); the second moment is not
 * bias-corrected and ‖p‖ counts up to 10, as in pytorch-optimizer.
 */
export const lamb = defineOptimizer({
  kind: "lamb",
  title: "LAMB: layer-wise adaptive moments",
  cite: { by: "You et al. 2020", arxiv: "1904.00962" },
  config: z.strictObject({
    learningRate: rateField(2e-3),
    weightDecay: weightDecayField(0.01),
    decay: z
      .enum(["inside", "decoupled"])
      .default("inside")
      .describe("weight decay within the normalised step, or before it"),
    ...momentFields,
    epsilon: epsilonField(1e-6),
    largestNorm: z.number().positive().default(10).describe("norms of parameters count up to this"),
  }),
  scope: "tensor",
  slots: ["m", "v"],
  scalarsAt: (c) => (t) => ({ unbias1: unbias(c)(t).unbias1 }),
  update({ p, g, slots, scalars, c }) {
    const { m, v } = moments(g, slots, c);
    const adaptive = m.div(v.sqrt().add(c.epsilon));
    const step = c.decay === "inside" ? adaptive.add(p.mul(scalars.weightDecay)) : adaptive;
    const [length, stepLength] = [norm(p), norm(step)];
    const trusted = length.minimum(c.largestNorm).div(stepLength.add(c.epsilon));
    const ratio = where(length.mul(stepLength).greater(0), trusted, scalar(1));
    return { p: p.sub(step.mul(scalars.learningRate.mul(scalars.unbias1).mul(ratio))), slots: { m, v } };
  },
});
