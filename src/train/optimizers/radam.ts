import { z } from "zod";
import { where } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { decayField, rateField, weightDecayField } from "./fields.ts";
import { momentFields, moments, unbias } from "./moments.ts";
import { rectification } from "./rectification.ts";

/** Adam whose step is momentum alone until the second moment's variance is bounded (Liu et al. 2020, algorithm 2). */
export const radam = defineOptimizer({
  kind: "radam",
  title: "RAdam: rectified Adam",
  cite: { by: "Liu et al. 2020", arxiv: "1908.03265" },
  config: z.strictObject({
    learningRate: rateField(3e-3),
    weightDecay: weightDecayField(),
    decay: decayField("coupled"),
    ...momentFields,
  }),
  slots: ["m", "v"],
  scalarsAt: (c) => (t) => {
    const { unbias1, unbias2Root } = unbias(c)(t);
    const { length, factor } = rectification(c.beta2, t);
    return { unbias1, adaptive: length > 5 ? factor / unbias2Root : 0 };
  },
  update({ p, g, slots, scalars, c }) {
    const { m, v } = moments(g, slots, c);
    const rescaled = where(scalars.adaptive.greater(0), scalars.adaptive.div(v.sqrt().add(c.epsilon)), 1);
    return { p: p.sub(m.mul(scalars.learningRate.mul(scalars.unbias1)).mul(rescaled)), slots: { m, v } };
  },
});
