import { clamp } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { type ActivationKind, activations } from "./activation.ts";

/** How the hidden layer of a feed-forward net comes from its one or two products with x. */
export interface HiddenUnit {
  activation: ActivationKind;
  /** The gate's product is cut off above it, the other beyond ± it. */
  limit?: number | null;
  /** Added to the product that is gated. */
  upOffset?: number;
}

/** φ(gate) ⊙ up, or φ(up) where there is no gate. */
export function hiddenUnit(up: Tensor, gate: Tensor | undefined, { activation, limit, upOffset }: HiddenUnit): Tensor {
  const act = activations[activation];
  if (gate === undefined) return act(up);
  const cut = limit == null ? up : clamp(up, { min: -limit, max: limit });
  const open = act(limit == null ? gate : clamp(gate, { max: limit }));
  return open.mul(upOffset ? cut.add(upOffset) : cut);
}
