import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField, floorField } from "./fields.ts";
import { between } from "./shapes.ts";
import { afterWarmup, warmupFields } from "./warmup.ts";

export const linear = defineSchedule({
  kind: "linear",
  title: "A straight line to the floor",
  config: z.strictObject({ ...warmupFields(0.05), floorRatio: floorField(0.1), firstStep: firstStepField(1) }),
  factor: afterWarmup(({ k, left, c }) => between(c.floorRatio, 1, Math.max(0, 1 - k / Math.max(1, left)))),
});
