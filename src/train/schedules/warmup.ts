import { z } from "zod";
import { between, rises } from "./shapes.ts";

/** Settings of a rise before a schedule's own shape begins. */
export const warmupFields = (ratio: number) => ({
  warmupRatio: z.number().min(0).max(1).default(ratio).describe("share of the steps over which the rate rises"),
  warmupSteps: z.int().nonnegative().nullable().default(null).describe("in place of warmupRatio, in steps"),
  warmupFrom: z.number().default(0).describe("rate at step 0 / peak rate"),
  warmupShape: z
    .enum(["linear", "cosine", "one-minus-sqrt", "constant"])
    .default("linear")
    .describe("constant: warmupFrom until the warm-up ends"),
});
type WarmupConfig = z.output<z.ZodObject<ReturnType<typeof warmupFields>>>;

/** Steps of the warm-up. */
export const warmupLength = ({ warmupSteps, warmupRatio }: WarmupConfig, steps: number): number =>
  warmupSteps ?? Math.round(warmupRatio * steps);

/** The warm-up's factor, then that of `shape`, told the steps since the warm-up and those from there to the end. */
export function afterWarmup<C extends WarmupConfig>(shape: (at: { k: number; left: number; c: C }) => number) {
  return ({ i, steps, c }: { i: number; steps: number; c: C }): number => {
    const length = warmupLength(c, steps);
    if (i >= length) return shape({ k: i - length, left: steps - length, c });
    return c.warmupShape === "constant" ? c.warmupFrom : between(c.warmupFrom, 1, rises[c.warmupShape](i / length));
  };
}
