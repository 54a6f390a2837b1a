import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, rateField, weightDecayField } from "./fields.ts";
import { adamDivisor, momentFields, moments, unbias } from "./moments.ts";

/**
 * Adam with a second, slow mean gradient, added α times; α and β₃ may rise over the first `rampSteps` steps
 * (Pagliardini et al. 2024, algorithm 1).
 */
export const ademamix = defineOptimizer({
  kind: "ademamix",
  title: "AdEMAMix: a fast and a slow mean gradient",
  cite: { by: "Pagliardini, Ablin & Grangier 2024", arxiv: "2409.03137" },
  config: z.strictObject({
    learningRate: rateField(1e-3),
    weightDecay: weightDecayField(0.1),
    decay: decayField("decoupled"),
    ...momentFields,
    beta3: betaField(0.9999, "decay of the slow mean gradient"),
    alpha: z.number().min(0).default(5).describe("weight of the slow mean"),
    rampSteps: z
      .int()
      .positive()
      .nullable()
      .default(null)
      .describe("steps over which alpha and beta3 rise; null: at once"),
  }),
  slots: ["m", "slow", "v"],
  scalarsAt: (c) => (t) => ({ ...unbias(c)(t), ...ramp(c, t) }),
  update({ p, g, slots, scalars, c }) {
    const { m, v } = moments(g, slots, c);
    const slow = slots.slow.mul(scalars.slowKept).add(g.mul(scalars.slowFresh));
    const direction = m
      .mul(scalars.unbias1)
      .add(slow.mul(scalars.alpha))
      .div(adamDivisor(v, scalars, c.epsilon));
    return { p: p.sub(direction.mul(scalars.learningRate)), slots: { m, slow, v } };
  },
});

/** α and β₃ of step t: α linear, β₃ so that its half-life is linear (eq. in section 3). */
function ramp(
  { beta1, beta3, alpha, rampSteps }: { beta1: number; beta3: number; alpha: number; rampSteps: number | null },
  t: number,
) {
  if (rampSteps === null) return { alpha, slowKept: beta3, slowFresh: 1 - beta3 };
  const share = t / rampSteps;
  const [fast, slow] = [Math.log(beta1), Math.log(beta3)];
  const kept = Math.min(Math.exp((fast * slow) / ((1 - share) * slow + share * fast)), beta3);
  return { alpha: Math.min(share * alpha, alpha), slowKept: kept, slowFresh: 1 - kept };
}
