import type { Tensor } from "../../tensor/index.ts";

/**
 * Brings the singular values of the last two axes near 1: X ← aX + (bA + cA²)X with A = XXᵀ, from X of norm 1
 * (Jordan et al. 2024; the coefficients trade exactness for speed).
 */
export function orthogonalise(
  x: Tensor,
  { iterations, coefficients, epsilon }: { iterations: number; coefficients: readonly number[]; epsilon: number },
): Tensor {
  const tall = x.dim(-2) > x.dim(-1);
  const wide = tall ? x.swap(-1, -2) : x;
  const length = wide.square().sum([-2, -1], true).sqrt();
  let y = wide.div(length.maximum(epsilon));
  const [a, b, c] = coefficients as [number, number, number];
  for (let i = 0; i < iterations; i++) {
    const gram = y.matmul(y, { transB: true });
    y = y.mul(a).add(
      gram
        .mul(b)
        .add(gram.matmul(gram, { alpha: c }))
        .matmul(y),
    );
  }
  return tall ? y.swap(-1, -2) : y;
}
