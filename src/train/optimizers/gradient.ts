import type { Tensor } from "../../tensor/index.ts";
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
