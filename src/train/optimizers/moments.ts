import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { betaField, epsilonField } from "./fields.ts";

/** Settings of Adam's two moments (Kingma & Ba 2015). */
export const momentFields = {
  beta1: betaField(0.9, "decay of the mean gradient"),
  beta2: betaField(0.99, "decay of the mean squared gradient"),
  epsilon: epsilonField(1e-8),
};
export const amsgradField = z.boolean().default(false).describe("divide by the largest second moment so far");

/** β·mean + (1 − β)·x. */
export const average = (mean: Tensor, x: Tensor, beta: number): Tensor => mean.mul(beta).add(x.mul(1 - beta));

/** m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g². */
export function moments(
  g: Tensor,
  slots: { m: Tensor; v: Tensor },
  { beta1, beta2 }: { beta1: number; beta2: number },
): { m: Tensor; v: Tensor } {
  return { m: average(slots.m, g, beta1), v: average(slots.v, g.square(), beta2) };
}

/** Factors that undo the moments' start at zero: 1/(1 − β₁ᵗ) and 1/√(1 − β₂ᵗ). */
export const unbias =
  ({ beta1, beta2 }: { beta1: number; beta2: number }) =>
  (t: number) => ({
    unbias1: 1 / (1 - beta1 ** t),
    unbias2Root: 1 / Math.sqrt(1 - beta2 ** t),
  });

/** √v / √(1 − β₂ᵗ) + ε. */
export const adamDivisor = (v: Tensor, { unbias2Root }: { unbias2Root: Tensor }, epsilon: number): Tensor =>
  v.sqrt().mul(unbias2Root).add(epsilon);
