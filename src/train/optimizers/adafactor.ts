import { z } from "zod";
import { scalar } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { factoredMeans, factoredSlots, rankOne } from "./factored.ts";
import { rateField, weightDecayField } from "./fields.ts";
import { rms } from "./norms.ts";

/** f32's distance from 1 to the next number. */
const machineEpsilon = 2 ** -23;

/**
 * Second moments as row and column means, steps relative to the parameter's root mean square, clipped by their own
 * (Shazeer & Stern 2018, algorithm 4; PyTorch's form: the rate is at most 1/√t).
 */
export const adafactor = defineOptimizer({
  kind: "adafactor",
  title: "Adafactor: sublinear memory",
  cite: { by: "Shazeer & Stern 2018", arxiv: "1804.04235" },
  config: z.strictObject({
    learningRate: rateField(0.01),
    weightDecay: weightDecayField(),
    beta2Decay: z.number().max(0).default(-0.8).describe("the new squared gradient weighs t to this power"),
    epsilon1: z.number().positive().default(machineEpsilon).describe("least of the second moment's roots"),
    epsilon2: z.number().positive().default(1e-3).describe("least size that a parameter is taken to have"),
    clip: z.number().positive().default(1).describe("largest root mean square of a step before the rate"),
  }),
  scope: "tensor",
  slots: ["rows", "columns", "v"],
  slotShapes: factoredSlots,
  scalarsAt: (c) => (t) => ({ share: t ** c.beta2Decay, limit: 1 / Math.sqrt(t) }),
  update({ p, g, slots, scalars, c }) {
    const size = rms(p).maximum(c.epsilon2).mul(scalars.learningRate.minimum(scalars.limit));
    const square = g.square();
    const factors = p.rank > 1 ? factoredMeans(square, slots, scalars.share) : undefined;
    const v = factors ? rankOne(factors, c.epsilon1) : slots.v.add(square.sub(slots.v).mul(scalars.share));
    const direction = g.div(v.maximum(c.epsilon1 ** 2).sqrt());
    const clipped = direction.div(rms(direction).div(c.clip).maximum(1));
    const kept = p.mul(scalar(1).sub(scalars.learningRate.mul(scalars.weightDecay)));
    return { p: kept.sub(clipped.mul(size)), slots: factors ?? { v } };
  },
});
