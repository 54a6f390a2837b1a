import { z } from "zod";

/** Lowers the rate where a metric no longer improves. No function of the step: for loops that measure as they go. */
export const plateauSchema = z.strictObject({
  better: z.enum(["lower", "higher"]).default("lower").describe("which metrics are improvements"),
  factor: z.number().gt(0).lt(1).default(0.1).describe("factor of each drop"),
  patience: z.int().nonnegative().default(10).describe("measurements without improvement that are borne"),
  threshold: z.number().min(0).default(1e-4).describe("least improvement that counts"),
  thresholdKind: z.enum(["relative", "absolute"]).default("relative"),
  cooldown: z.int().nonnegative().default(0).describe("measurements after a drop that are not counted"),
  floorRatio: z.number().min(0).max(1).default(0).describe("least rate / first rate"),
});
export type PlateauConfig = z.output<typeof plateauSchema>;

interface State {
  factor: number;
  best: number;
  bad: number;
  cooldown: number;
}

/** Told one measurement after the other, the factor of the rate from then on. */
export function plateau(c: PlateauConfig): (metric: number) => number {
  let state: State = {
    factor: 1,
    best: c.better === "lower" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY,
    bad: 0,
    cooldown: 0,
  };
  return (metric) => {
    state = observed(state, metric, c);
    return state.factor;
  };
}

/** Factor of the rate after each measurement. */
export function plateauFactors(metrics: ArrayLike<number>, c: PlateauConfig): number[] {
  const next = plateau(c);
  return Array.from(metrics, (metric) => next(metric));
}

function observed(before: State, metric: number, c: PlateauConfig): State {
  const improved = improves(metric, before.best, c);
  const counting = before.cooldown === 0;
  const bad = improved || !counting ? 0 : before.bad + 1;
  const next = { ...before, best: improved ? metric : before.best, bad, cooldown: Math.max(0, before.cooldown - 1) };
  if (bad <= c.patience) return next;
  return { ...next, factor: Math.max(before.factor * c.factor, c.floorRatio), bad: 0, cooldown: c.cooldown };
}

function improves(metric: number, best: number, { better, threshold, thresholdKind }: PlateauConfig): boolean {
  const sign = better === "lower" ? -1 : 1;
  const bar = thresholdKind === "relative" ? best * (1 + sign * threshold) : best + sign * threshold;
  return better === "lower" ? metric < bar : metric > bar;
}
