import { apply1, iota, scan, type Tensor, where } from "../tensor/index.ts";
import { identityMatrix } from "./linalg.ts";

/** Terms of Taylor's series: for norms up to 1/2 the rest is below 1e-16. */
const terms = 14;
/** Squarings allowed for: norms up to 2¹⁵. */
const squarings = 16;

/** e^x over the last two axes by scaling and squaring (Moler & Van Loan 2003, method 3); norms up to 2¹⁵. */
export function matrixExponential(x: Tensor): Tensor {
  const needed = squaringsOf(x.stopGradient());
  const scaled = x.mul(needed.mul(-Math.LN2).exp());
  const { states } = scan({
    init: [taylor(scaled)],
    xs: [iota(squarings, "f32")],
    step: ([y], [k]) => ({ states: [where(needed.greater(k!), y!.matmul(y!), y!)], ys: [] }),
  });
  return states[0]!;
}

/** How often x is to be halved until its greatest column sum is at most 1/2; 0 for small ones. */
function squaringsOf(x: Tensor): Tensor {
  const norm = x.abs().sum(-2, true).max(-1, true);
  return apply1("ceil", [norm.maximum(0.25).log().mul(Math.LOG2E).add(1)], {}).maximum(0);
}

/** Σ xᵏ/k! by Horner's rule. */
function taylor(x: Tensor): Tensor {
  const unit = identityMatrix(x.dim(-1));
  let sum = x.mul(1 / terms).add(unit);
  for (let k = terms - 1; k >= 1; k--) sum = x.matmul(sum, { alpha: 1 / k }).add(unit);
  return sum;
}
