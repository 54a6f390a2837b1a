import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { adamw } from "./adamw.ts";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";
import { average, momentFields, unbias } from "./moments.ts";
import { norm } from "./norms.ts";
import { firstAt } from "./steps.ts";

/**
 * Moments of a gradient from which its change is used to take variance, cut to norm 1 for every tensor
 * (Yuan et al. 2024, algorithms 2 and 3); parameters that are no matrices are moved by AdamW.
 */
export const mars = defineOptimizer({
  kind: "mars",
  title: "MARS: variance-reduced moments",
  cite: { by: "Yuan et al. 2024", arxiv: "2411.10438" },
  config: z.strictObject({
    learningRate: rateField(3e-3).describe("peak step size of matrices; that of the others is others.learningRate"),
    weightDecay: weightDecayField(0.1),
    decay: decayField("decoupled"),
    ...momentFields,
    form: z
      .enum(["adamw", "lion"])
      .default("adamw")
      .describe("divide by the root of the second moment, or take the sign"),
    gamma: z.number().min(0).default(0.025).describe("weight of the gradient's change"),
    others: adamw.config.prefault({}).describe("AdamW of the parameters that are no matrices"),
  }),
  scope: "tensor",
  slots: (c) => (c.form === "adamw" ? (["m", "v", "previous"] as const) : (["m", "previous"] as const)),
  scalarsAt: (c) => (t) => ({ ...unbias(c)(t), first: firstAt(t) }),
  others: (c) => ({ definition: adamw, c: c.others }),
  update({ p, g, slots, scalars, c }) {
    const change = g.sub(where(scalars.first.greater(0), g, slots.previous));
    const corrected = g.add(change.mul((c.gamma * c.beta1) / (1 - c.beta1)));
    const cut = corrected.div(norm(corrected).maximum(1));
    const m = average(slots.m, cut, c.beta1);
    const next: { m: Tensor; previous: Tensor; v?: Tensor } = { m, previous: g };
    if (c.form === "lion") return { p: p.sub(m.sign().mul(scalars.learningRate)), slots: next };
    next.v = average(slots.v, cut.square(), c.beta2);
    const divisor = next.v.add(1e-15).sqrt().add(c.epsilon).mul(scalars.unbias2Root);
    return { p: p.sub(m.mul(scalars.learningRate.mul(scalars.unbias1)).div(divisor)), slots: next };
  },
});
