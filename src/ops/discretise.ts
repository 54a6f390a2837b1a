import type { Tensor } from "../tensor/index.ts";
import { complexExp, complexExpm1, complexProduct, complexReciprocal, mapComplex } from "./complex.ts";
import type { Complex } from "./fourier.ts";

/** How a continuous state equation becomes one in steps. */
export const discretisations = ["zoh", "bilinear"] as const;
export type Discretisation = (typeof discretisations)[number];

/**
 * h' = a h + u as h_t = decay·h_{t−1} + input·u_t with steps dt (which broadcasts against a), Re a < 0.
 * zoh (input constant within a step): decay e^{a dt}, input (e^{a dt} − 1)/a.
 * bilinear (trapezoidal rule): decay (1 + a dt/2)/(1 − a dt/2), input dt/(1 − a dt/2).
 */
export function discretise(a: Complex, dt: Tensor, method: Discretisation): { decay: Complex; input: Complex } {
  const z = mapComplex(a, (part) => part.mul(dt));
  if (method === "zoh") return { decay: complexExp(z), input: complexProduct(complexExpm1(z), complexReciprocal(a)) };
  const half = mapComplex(z, (part) => part.div(2));
  const inverse = complexReciprocal({ re: half.re.neg().add(1), im: half.im.neg() });
  return {
    decay: complexProduct({ re: half.re.add(1), im: half.im }, inverse),
    input: mapComplex(inverse, (part) => part.mul(dt)),
  };
}
