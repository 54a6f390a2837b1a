import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField } from "./fields.ts";

/** width^−½ · min(i^−½, i·warmup^−³ᐟ²) (Vaswani et al. 2017, eq. 3); with learning rate 1 these are the paper's rates. */
export const noam = defineSchedule({
  kind: "noam",
  title: "Noam: the first Transformer's schedule",
  cite: { by: "Vaswani et al. 2017", arxiv: "1706.03762" },
  config: z.strictObject({
    width: z.int().positive().default(512).describe("model width d"),
    warmupSteps: z.int().positive().default(4000),
    firstStep: firstStepField(1),
  }),
  factor: ({ i, c }) => (i === 0 ? 0 : c.width ** -0.5 * Math.min(i ** -0.5, i * c.warmupSteps ** -1.5)),
});
