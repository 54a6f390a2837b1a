import type { Tensor } from "../tensor/index.ts";
import type { Result } from "./define.ts";

/** A step as a sequence of one token: x [B, D] → `mix` of [B, 1, D], its output again [B, D]. */
export function oneToken<S, R extends Result<S>>(x_BD: Tensor, mix: (x_BTD: Tensor) => R): R {
  const result = mix(x_BD.unsqueeze(1));
  return { ...result, y: result.y.squeeze(1) };
}
