import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField } from "./fields.ts";
import { afterWarmup, warmupFields } from "./warmup.ts";

export const constant = defineSchedule({
  kind: "constant",
  title: "The same rate after the warm-up",
  config: z.strictObject({ ...warmupFields(0.05), firstStep: firstStepField(1) }),
  factor: afterWarmup(() => 1),
});
