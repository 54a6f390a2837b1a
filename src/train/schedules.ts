import { z } from "zod";

export const scheduleSchema = z.strictObject({
  kind: z
    .enum(["constant", "linear", "cosine", "warmup-stable-decay"])
    .default("cosine")
    .describe("shape after the warm-up"),
  warmupRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe("share of the steps over which the rate rises linearly from 0"),
  floorRatio: z.number().min(0).max(1).default(0.1).describe("last rate / peak rate"),
  decayRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe("share of the steps of the final decay (warmup-stable-decay)"),
});
export type ScheduleConfig = z.output<typeof scheduleSchema>;

/** Shapes by progress u ∈ [0, 1] after the warm-up: 1 at the peak, 0 at the floor. */
const shapes: Readonly<Record<ScheduleConfig["kind"], (u: number, c: ScheduleConfig) => number>> = {
  constant: () => 1,
  linear: (u) => 1 - u,
  cosine: (u) => 0.5 * (1 + Math.cos(Math.PI * u)),
  "warmup-stable-decay": (u, { decayRatio }) => (decayRatio === 0 ? 1 : Math.min(1, (1 - u) / decayRatio)),
};

/** Factor of the peak learning rate at step 0 … steps − 1. */
export function scheduleFactor(c: ScheduleConfig, step: number, steps: number): number {
  const warmup = Math.round(c.warmupRatio * steps);
  if (step < warmup) return (step + 1) / warmup;
  const u = steps - warmup <= 1 ? 0 : (step - warmup) / (steps - warmup - 1);
  return c.floorRatio + (1 - c.floorRatio) * shapes[c.kind](Math.min(1, u), c);
}
