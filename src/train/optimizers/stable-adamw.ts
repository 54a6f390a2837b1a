import { z } from "zod";
import { scalar } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { rateField, weightDecayField } from "./fields.ts";
import { momentFields } from "./moments.ts";

/**
 * AdamW whose rate falls, tensor by tensor, where the second moment lags behind the squared gradients
 * (Wortsman et al. 2023, algorithm 2); moments are corrected by their weights.
 */
export const stableAdamw = defineOptimizer({
  kind: "stable-adamw",
  title: "StableAdamW",
  cite: { by: "Wortsman et al. 2023", arxiv: "2304.13013" },
  config: z.strictObject({ learningRate: rateField(3e-3), weightDecay: weightDecayField(0.1), ...momentFields }),
  scope: "tensor",
  slots: ["m", "v"],
  scalarsAt:
    ({ beta1, beta2 }) =>
    (t) => ({ fresh1: (1 - beta1) / (1 - beta1 ** t), fresh2: (1 - beta2) / (1 - beta2 ** t) }),
  update({ p, g, slots, scalars, c }) {
    const m = slots.m.add(g.sub(slots.m).mul(scalars.fresh1));
    const v = slots.v.add(g.square().sub(slots.v).mul(scalars.fresh2));
    const lag = g
      .square()
      .div(v.maximum(c.epsilon ** 2))
      .mean()
      .sqrt()
      .maximum(1);
    const rate = scalars.learningRate.div(lag);
    const kept = p.mul(scalar(1).sub(rate.mul(scalars.weightDecay)));
    return { p: kept.sub(m.mul(rate).div(v.sqrt().add(c.epsilon))), slots: { m, v } };
  },
});
