import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { betaField, rateField, weightDecayField } from "./fields.ts";
import { norm } from "./norms.ts";

/** Momentum whose gradient is scaled to trust·‖p‖ for every matrix; vectors keep theirs and do not decay (You et al. 2017, algorithm 1). */
export const lars = defineOptimizer({
  kind: "lars",
  title: "LARS: layer-wise adaptive rates",
  cite: { by: "You, Gitman & Ginsburg 2017", arxiv: "1708.03888" },
  config: z.strictObject({
    learningRate: rateField(1),
    weightDecay: weightDecayField(),
    momentum: betaField(0.9, "share of the last step's velocity that stays"),
    dampening: z.number().min(0).lt(1).default(0).describe("share of the gradient that does not enter the velocity"),
    nesterov: z.boolean().default(false).describe("step along gradient + momentum·velocity"),
    trust: z.number().positive().default(1e-3).describe("length of the scaled gradient / length of the parameter"),
  }),
  scope: "tensor",
  slots: ["b"],
  update({ p, g, slots, scalars, c }) {
    const scaled = p.rank > 1 ? trusted(p, g, { decay: scalars.weightDecay, trust: c.trust }) : g;
    const b = slots.b.mul(c.momentum).add(scaled.mul(1 - c.dampening));
    const direction = c.nesterov ? scaled.add(b.mul(c.momentum)) : b;
    return { p: p.sub(direction.mul(scalars.learningRate)), slots: { b } };
  },
});

/** (g + decay·p)·trust·‖p‖/(‖g‖ + decay·‖p‖), unscaled where a norm is 0. */
function trusted(p: Tensor, g: Tensor, { decay, trust }: { decay: Tensor; trust: number }): Tensor {
  const length = norm(p);
  const divisor = norm(g).add(length.mul(decay));
  const ratio = where(length.mul(divisor).greater(0), length.mul(trust).div(divisor), 1);
  return g.add(p.mul(decay)).mul(ratio);
}
