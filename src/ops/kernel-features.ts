/** Features φ of columns [H, K, B, T] whose products φ(q)·φ(k) are kernels of q·k, so that sums over keys come first. */
import { concat, constant, ones, type Tensor } from "../tensor/index.ts";

/** elu(x) + 1: x + 1 above 0, eˣ below (Katharopoulos et al. 2020, eq. 7). */
export const elu1 = (x: Tensor): Tensor => x.relu().add(x.minimum(0).exp());

/** φ(q)·φ(k) = 1 + s + s²/2 with s = q·k/√K: the exponential's Taylor series (Arora et al. 2024, Based). */
export function taylorFeatures(x: Tensor): Tensor {
  const K = x.dim(1);
  const one = ones([x.dim(0), 1, ...x.shape.slice(2)]);
  return concat(1, [one, x.mul(K ** -0.25), pairProducts(x, Math.SQRT1_2 * K ** -0.5)]);
}

/** φ(q)·φ(k) = (q·k)²/K (Aksenov et al. 2024, ReBased). */
export const squareFeatures = (x: Tensor): Tensor => pairProducts(x, x.dim(1) ** -0.5);

/** Numbers of features that these make of K channels. */
export const featureCounts = {
  elu1: (K: number) => K,
  relu: (K: number) => K,
  taylor: (K: number) => 1 + K + (K * (K + 1)) / 2,
  square: (K: number) => (K * (K + 1)) / 2,
} as const;

/** x_i x_j for i ≤ j, those with i < j times √2 for the pair the other way round, all times `factor`. */
function pairProducts(x: Tensor, factor: number): Tensor {
  const K = x.dim(1);
  const pairs = Array.from({ length: K * K }, (_, n) => [Math.floor(n / K), n % K] as const).filter(([i, j]) => i <= j);
  const pick = (side: 0 | 1) => {
    const index = pairs.map((pair) => pair[side]);
    return x.gather(1, constant(index, [pairs.length], "i32"));
  };
  const weights = pairs.map(([i, j]) => (i === j ? factor : factor * Math.SQRT2));
  return pick(0)
    .mul(pick(1))
    .mul(constant(weights, [pairs.length, 1, 1]));
}
