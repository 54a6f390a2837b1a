import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import type { RateAt } from "./define.ts";
import { firstAt, foldSteps } from "./steps.ts";

/**
 * Schedule-free learning (Defazio et al. 2024, eqs. 5–7): gradients are taken at y, between the base sequence z and the weighted
 * average x of its points; x is evaluated. Here p holds y.
 */
export const averagedIterateFields = {
  stepPower: z.number().min(0).default(0).describe("r: weight of step t in the average grows as t^r"),
  ratePower: z
    .number()
    .min(0)
    .default(2)
    .describe("weight of a step in the average: its largest rate so far to this power"),
};
export const warmupField = z
  .int()
  .nonnegative()
  .default(0)
  .describe("steps over which the rate rises; use a constant schedule");

interface AveragingConfig {
  stepPower: number;
  ratePower: number;
}

/** `warm` (factor of the rate) and `share` of the new point in the average, given the factor at every step. */
export function averagingScalars(
  { stepPower, ratePower }: AveragingConfig,
  rate: RateAt,
  warmAt: (t: number) => number,
) {
  const state = foldSteps({ largest: 0, sum: 0, share: 0 }, (before, t) => {
    const largest = Math.max(before.largest, rate(t) * warmAt(t));
    const weight = t ** stepPower * largest ** ratePower;
    const sum = before.sum + weight;
    return { largest, sum, share: sum === 0 ? 0 : weight / sum };
  });
  return (t: number) => ({ first: firstAt(t), warm: warmAt(t), share: state(t).share });
}

export const linearWarmup = (steps: number) => (t: number) => Math.min(1, t / Math.max(1, steps));

interface AveragedStep {
  /** y. */
  p: Tensor;
  direction: Tensor;
  z: Tensor;
  scalars: Readonly<Record<"learningRate" | "first" | "warm" | "share", Tensor>>;
  beta: number;
}

/** y ← y + c(z − y) − rate(1 − β(1 − c))u; z ← z − rate·u; x = y + (1 − 1/β)(z − y). */
export function averagedStep({ p, direction, z: before, scalars, beta }: AveragedStep): {
  p: Tensor;
  z: Tensor;
  x: Tensor;
} {
  const base = where(scalars.first.greater(0), p, before);
  const rate = scalars.learningRate.mul(scalars.warm);
  const along = rate.mul(scalars.share.mul(beta).add(1 - beta));
  const y = p.add(base.sub(p).mul(scalars.share)).sub(direction.mul(along));
  const next = base.sub(direction.mul(rate));
  return { p: y, z: next, x: y.add(next.sub(y).mul(1 - 1 / beta)) };
}
