import { iota, type Tensor } from "../../tensor/index.ts";

export const identity = (size: number): Tensor => iota(size).unsqueeze(1).equal(iota(size)).cast("f32");

/**
 * A^(−1/p) of symmetric positive definite matrices (last two axes) by the coupled Newton iteration (Guo & Higham 2006, eq. 3.7):
 * X ← X·T, M ← Tᵖ·M with T = ((p + 1)I − M)/p, from M = A·z with z = (1 + p)/(2‖A‖). An eigenvalue λ takes about
 * log(‖A‖/λ)/log((1 + 1/p)ᵖ) steps, then a few more.
 */
export function inverseRoot(a: Tensor, { power, iterations }: { power: number; iterations: number }): Tensor {
  const unit = identity(a.dim(-1));
  const z = a
    .square()
    .sum([-2, -1], true)
    .sqrt()
    .reciprocal()
    .mul((1 + power) / 2);
  let m = a.mul(z);
  let x = unit.mul(
    z
      .log()
      .mul(1 / power)
      .exp(),
  );
  for (let i = 0; i < iterations; i++) {
    const t = unit.mul((power + 1) / power).sub(m.mul(1 / power));
    x = x.matmul(t);
    m = raised(t, power).matmul(m);
  }
  return x;
}

/** Powers by repeated squaring: p is a power of 2. */
function raised(t: Tensor, power: number): Tensor {
  return power === 1 ? t : raised(t.matmul(t), power / 2);
}
