import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField, gammaField } from "./fields.ts";
import { afterWarmup, warmupFields } from "./warmup.ts";

export const multistep = defineSchedule({
  kind: "multistep",
  title: "A drop at each milestone",
  config: z.strictObject({
    ...warmupFields(0),
    milestones: z.array(z.int().nonnegative()).describe("steps, after the warm-up, at which the rate drops"),
    gamma: gammaField,
    firstStep: firstStepField(0),
  }),
  factor: afterWarmup(({ k, c }) => c.gamma ** c.milestones.filter((milestone) => milestone <= k).length),
});
