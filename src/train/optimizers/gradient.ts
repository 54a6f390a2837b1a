import { vectorNorm } from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import type { CommonConfig } from "./fields.ts";

/** The gradient that an optimizer sees: scaled to the global norm, turned where the loss is climbed, its entries clipped. */
export function seenGradient(
  g: Tensor,
  gradScale: Tensor,
  { maximize, clipValue }: Pick<CommonConfig, "maximize" | "clipValue">,
): Tensor {
  const scaled = g.mul(maximize ? gradScale.neg() : gradScale);
  return clipValue === null ? scaled : scaled.maximum(-clipValue).minimum(clipValue);
}

/**
 * Gradients scaled together to at most this p-norm over all of them (∞: the largest entry), and that norm before: what
 * trainers do for p = 2, as a graph for any p (Pascanu et al. 2013, section 3.2).
 */
export function clipGradients(
  gradients: readonly Tensor[],
  { largest, norm }: { largest: number; norm: number },
): { gradients: Tensor[]; total: Tensor } {
  const parts = gradients.map((g) => g.reshape([-1]));
  const total = vectorNorm(concat(0, parts), norm);
  const factor = total.add(1e-6).reciprocal().mul(largest).minimum(1);
  return { gradients: gradients.map((g) => g.mul(factor)), total };
}
