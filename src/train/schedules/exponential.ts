import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField } from "./fields.ts";
import { afterWarmup, warmupFields } from "./warmup.ts";

export const exponential = defineSchedule({
  kind: "exponential",
  title: "The same factor every step",
  config: z.strictObject({
    ...warmupFields(0),
    gamma: z
      .number()
      .gt(0)
      .nullable()
      .default(null)
      .describe("factor of a step; null: what reaches floorRatio at the end"),
    floorRatio: z.number().gt(0).max(1).default(0.01).describe("last rate / peak rate, where gamma is null"),
    firstStep: firstStepField(0),
  }),
  factor: afterWarmup(({ k, left, c }) => (c.gamma === null ? c.floorRatio ** (k / Math.max(1, left)) : c.gamma ** k)),
});
