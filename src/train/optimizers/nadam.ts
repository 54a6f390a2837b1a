import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";
import { momentFields, moments, unbias } from "./moments.ts";
import { foldSteps } from "./steps.ts";

/** Adam with Nesterov momentum whose weight μ(t) = β₁(1 − 0.96^(ψt)/2) warms up (Dozat 2016; PyTorch's form). */
export const nadam = defineOptimizer({
  kind: "nadam",
  title: "NAdam: Adam with Nesterov momentum",
  cite: { by: "Dozat 2016", title: "Incorporating Nesterov momentum into Adam" },
  config: z.strictObject({
    learningRate: rateField(2e-3),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    ...momentFields,
    momentumDecay: z.number().min(0).default(4e-3).describe("ψ: how fast the momentum reaches beta1"),
  }),
  slots: ["m", "v"],
  scalarsAt(c) {
    const momentum = (t: number) => c.beta1 * (1 - 0.5 * 0.96 ** (t * c.momentumDecay));
    const product = foldSteps(1, (before, t) => before * momentum(t));
    const { beta1, beta2 } = c;
    return (t) => ({
      unbias2Root: unbias({ beta1, beta2 })(t).unbias2Root,
      now: (1 - momentum(t)) / (1 - product(t)),
      ahead: momentum(t + 1) / (1 - product(t) * momentum(t + 1)),
    });
  },
  update({ p, g, slots, scalars, c }) {
    const { m, v } = moments(g, slots, c);
    const direction = g
      .mul(scalars.now)
      .add(m.mul(scalars.ahead))
      .div(v.sqrt().mul(scalars.unbias2Root).add(c.epsilon));
    return { p: p.sub(direction.mul(scalars.learningRate)), slots: { m, v } };
  },
});
