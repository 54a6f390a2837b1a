import { z } from "zod";
import { defineOptimizer } from "./define.ts";
import { decayField, epsilonField, rateField, weightDecayField } from "./fields.ts";
import { adamDivisor, average, momentFields, unbias } from "./moments.ts";
import { firstAt } from "./steps.ts";

/** Adam whose second moment moves by (1 − β₂)g² at most: v ← v − (1 − β₂)sign(v − g²)g² (Zaheer et al. 2018, algorithm 2). */
export const yogi = defineOptimizer({
  kind: "yogi",
  title: "Yogi",
  cite: { by: "Zaheer et al. 2018", title: "Adaptive methods for nonconvex optimization" },
  config: z.strictObject({
    learningRate: rateField(0.01),
    weightDecay: weightDecayField(),
    decay: decayField("decoupled"),
    ...momentFields,
    epsilon: epsilonField(1e-3),
    start: z.number().min(0).default(1e-6).describe("both moments before the first step"),
  }),
  slots: ["m", "v"],
  scalarsAt: (c) => (t) => ({ ...unbias(c)(t), added: c.start * firstAt(t) }),
  update({ p, g, slots, scalars, c }) {
    const m = average(slots.m.add(scalars.added), g, c.beta1);
    const [before, square] = [slots.v.add(scalars.added), g.square()];
    const v = before.sub(
      before
        .sub(square)
        .sign()
        .mul(square)
        .mul(1 - c.beta2),
    );
    const step = m.mul(scalars.learningRate.mul(scalars.unbias1)).div(adamDivisor(v, scalars, c.epsilon));
    return { p: p.sub(step), slots: { m, v } };
  },
});
