import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField } from "./fields.ts";
import { afterWarmup, warmupFields, warmupLength } from "./warmup.ts";

/** Timescale where there is no warm-up. */
const longTimescale = 10_000;

/** √(timescale / (timescale + k)), k steps after the warm-up. */
export const inverseSqrt = defineSchedule({
  kind: "inverse-sqrt",
  title: "Inverse square root of the step",
  cite: { by: "Raffel et al. 2020", arxiv: "1910.10683" },
  config: z.strictObject({
    ...warmupFields(0.05),
    timescale: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe("steps that halve the square; null: the warm-up's, or 10,000 without one"),
    firstStep: firstStepField(1),
  }),
  factor(at) {
    const timescale = at.c.timescale ?? (warmupLength(at.c, at.steps) || longTimescale);
    return afterWarmup<typeof at.c>(({ k }) => Math.sqrt(timescale / (timescale + k)))(at);
  },
});
