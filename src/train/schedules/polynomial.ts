import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField, floorField } from "./fields.ts";
import { between } from "./shapes.ts";
import { afterWarmup, warmupFields } from "./warmup.ts";

export const polynomial = defineSchedule({
  kind: "polynomial",
  title: "(1 − u)^power to the floor, u the share of the steps done",
  config: z.strictObject({
    ...warmupFields(0.05),
    floorRatio: floorField(0),
    power: z.number().positive().default(2),
    firstStep: firstStepField(1),
  }),
  factor: afterWarmup(({ k, left, c }) => between(c.floorRatio, 1, Math.max(0, 1 - k / Math.max(1, left)) ** c.power)),
});
