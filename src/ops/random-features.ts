/** Random features whose products estimate shift-invariant kernels, and a product with a structured Gaussian matrix in n log n. */
import { concat, constant, fail, type Tensor } from "../tensor/index.ts";

/**
 * φ(x) = √(1/m) [cos ωx, sin ωx], so that E φ(x)·φ(y) = exp(−|x − y|²/2) for ω standard normal (Rahimi & Recht 2007).
 * x [.., K], ω [.., m, K] → [.., 2m].
 */
export function fourierFeatures(x: Tensor, omega_MK: Tensor): Tensor {
  const angles = x.matmul(omega_MK, { transB: true });
  return concat(-1, [angles.cos(), angles.sin()]).mul(omega_MK.dim(-2) ** -0.5);
}

/**
 * x H over the last axis, H the Hadamard matrix of entries ±1 in Sylvester's order, by log₂ n rounds of sums and differences.
 * Throws E_POWER_OF_TWO where n is none.
 */
export function walshHadamard(x: Tensor): Tensor {
  const n = x.dim(-1);
  if (!Number.isInteger(Math.log2(n)))
    fail({
      code: "E_POWER_OF_TWO",
      where: "walshHadamard",
      expected: "a power of two along the last axis",
      got: String(n),
      hint: "Fill up with zeros.",
    });
  const before = x.shape.slice(0, -1);
  let y = x;
  for (let half = n / 2; half >= 1; half /= 2) {
    const pairs = y.reshape([...before, n / (2 * half), 2, half]);
    const [a, b] = pairs.split(-2, [1, 1]) as [Tensor, Tensor];
    y = concat(-2, [a.add(b), a.sub(b)]).reshape([...before, n]);
  }
  return y;
}

/** One block of a Fastfood matrix, n a power of two: diagonals [.., n] and a permutation. */
export interface Fastfood {
  /** B: random signs. */
  signs: Tensor;
  /** Π, which entry comes to each place. */
  permutation: readonly number[];
  /** G: standard normal. */
  gaussians: Tensor;
  /** S: lengths of the rows / |G|. */
  scales: Tensor;
}

/** x (S H G Π H B)ᵀ / √n over the last axis: rows distributed almost as those of a Gaussian matrix (Le et al. 2013, eq. 7). */
export function fastfood(x: Tensor, { signs, permutation, gaussians, scales }: Fastfood): Tensor {
  const n = x.dim(-1);
  const mixed = walshHadamard(x.mul(signs)).gather(-1 + x.rank, constant(permutation, [n], "i32"));
  return walshHadamard(mixed.mul(gaussians))
    .mul(scales)
    .mul(n ** -0.5);
}
