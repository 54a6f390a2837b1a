import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField, floorField } from "./fields.ts";
import { between } from "./shapes.ts";
import { afterWarmup, warmupFields } from "./warmup.ts";

/** (1 + cos 2π·cycles·u)/2 between floor and peak, u the share of the steps done; past the end it rises again. */
export const cosine = defineSchedule({
  kind: "cosine",
  title: "Cosine annealing",
  cite: { by: "Loshchilov & Hutter 2017", arxiv: "1608.03983" },
  config: z.strictObject({
    ...warmupFields(0.05),
    floorRatio: floorField(0.1),
    cycles: z.number().positive().default(0.5).describe("waves over the run; a half ends at the floor"),
    firstStep: firstStepField(1),
  }),
  factor: afterWarmup(({ k, left, c }) =>
    between(c.floorRatio, 1, (1 + Math.cos((2 * Math.PI * c.cycles * k) / Math.max(1, left))) / 2),
  ),
});
