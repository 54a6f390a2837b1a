import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField, gammaField } from "./fields.ts";
import { afterWarmup, warmupFields } from "./warmup.ts";

export const step = defineSchedule({
  kind: "step",
  title: "A drop every so many steps",
  config: z.strictObject({
    ...warmupFields(0),
    every: z.int().positive().describe("steps from one drop to the next"),
    gamma: gammaField,
    firstStep: firstStepField(0),
  }),
  factor: afterWarmup(({ k, c }) => c.gamma ** Math.floor(k / c.every)),
});
