import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField, floorField } from "./fields.ts";
import { between, falls } from "./shapes.ts";
import { afterWarmup, warmupFields } from "./warmup.ts";

export const warmupStableDecay = defineSchedule({
  kind: "warmup-stable-decay",
  title: "WSD: a constant rate, then a decay to the floor",
  cite: { by: "Hu et al. 2024", arxiv: "2404.06395" },
  config: z.strictObject({
    ...warmupFields(0.05),
    floorRatio: floorField(0.1),
    decayRatio: z.number().min(0).max(1).default(0.2).describe("share of the steps of the final decay"),
    decaySteps: z.int().nonnegative().nullable().default(null).describe("in place of decayRatio, in steps"),
    decayShape: z.enum(["linear", "cosine", "one-minus-sqrt"]).default("linear"),
    firstStep: firstStepField(1),
  }),
  factor: (at) =>
    afterWarmup<typeof at.c>(({ k, left, c }) => {
      const length = c.decaySteps ?? Math.round(c.decayRatio * at.steps);
      const done = k - (left - length);
      if (length === 0 || done <= 0) return 1;
      return between(c.floorRatio, 1, falls[c.decayShape](Math.min(1, done / length)));
    })(at),
});
