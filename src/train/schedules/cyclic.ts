import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField, floorField } from "./fields.ts";
import { between } from "./shapes.ts";

/** Factor of a cycle's height by its number (from 0) and the step. */
const heights = {
  triangular: () => 1,
  triangular2: ({ cycle }: Height) => 2 ** -cycle,
  "exponential-range": ({ gamma, i }: Height) => gamma ** i,
} as const;

interface Height {
  cycle: number;
  gamma: number;
  i: number;
}

export const cyclic = defineSchedule({
  kind: "cyclic",
  title: "Triangles between floor and peak",
  cite: { by: "Smith 2017", arxiv: "1506.01186" },
  config: z.strictObject({
    floorRatio: floorField(0.1),
    upSteps: z.int().positive().default(2000),
    downSteps: z.int().positive().nullable().default(null).describe("null: as upSteps"),
    mode: z
      .enum(["triangular", "triangular2", "exponential-range"])
      .default("triangular")
      .describe("triangular2 halves each cycle; exponential-range falls by gamma each step"),
    gamma: z.number().gt(0).default(1),
    firstStep: firstStepField(0),
  }),
  factor({ i, c }) {
    const period = c.upSteps + (c.downSteps ?? c.upSteps);
    const cycle = Math.floor(i / period);
    const x = i - cycle * period;
    const height = x <= c.upSteps ? x / c.upSteps : (period - x) / (period - c.upSteps);
    return between(c.floorRatio, 1, height * heights[c.mode]({ cycle, gamma: c.gamma, i }));
  },
});
