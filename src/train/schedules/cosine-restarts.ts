import { z } from "zod";
import { defineSchedule } from "./define.ts";
import { firstStepField, floorField } from "./fields.ts";
import { between, falls } from "./shapes.ts";
import { afterWarmup, warmupFields } from "./warmup.ts";

/** Cosine annealing in periods, each `multiplier` times as long as the one before (Loshchilov & Hutter 2017, eq. 5). */
export const cosineRestarts = defineSchedule({
  kind: "cosine-restarts",
  title: "Cosine annealing with warm restarts",
  cite: { by: "Loshchilov & Hutter 2017", arxiv: "1608.03983" },
  config: z.strictObject({
    ...warmupFields(0.05),
    floorRatio: floorField(0),
    cycles: z.int().positive().default(3).describe("periods of the run, unless `period` is given"),
    period: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe("steps of the first period; then periods go on for ever"),
    multiplier: z.number().min(1).default(1).describe("length of a period / length of the one before"),
    firstStep: firstStepField(1),
  }),
  factor: afterWarmup(({ k, left, c }) => {
    if (c.period === null && k >= left) return c.floorRatio;
    return between(c.floorRatio, 1, falls.cosine(position(k, c.period ?? firstPeriod(left, c), c.multiplier)));
  }),
});

/** Length of the first of `cycles` periods that fill `left` steps. */
const firstPeriod = (left: number, { cycles, multiplier }: { cycles: number; multiplier: number }): number =>
  multiplier === 1 ? left / cycles : (left * (multiplier - 1)) / (multiplier ** cycles - 1);

/** How much of the current period is over. */
function position(k: number, first: number, multiplier: number): number {
  if (multiplier === 1) return (k / first) % 1;
  const period = Math.floor(Math.log1p((k / first) * (multiplier - 1)) / Math.log(multiplier) + 1e-12);
  const start = (first * (multiplier ** period - 1)) / (multiplier - 1);
  return (k - start) / (first * multiplier ** period);
}
