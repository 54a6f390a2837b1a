/** Plain loops that the naive forms of RWKV-5, 6 and 7 share: nested arrays, one token. */
import { dot, range, sum } from "./plain-loops.ts";

type Vector = readonly number[];

/** x_t + μ (x_{t−1} − x_t). */
export const mixTokens = (x: Vector, previous: Vector, mu: Vector): number[] =>
  x.map((value, i) => value + mu[i]! * (previous[i]! - value));

/** (o − mean) / √(variance + ε). */
export function normed(o: Vector, epsilon: number): number[] {
  const mean = sum(o) / o.length;
  const variance = sum(o.map((value) => (value - mean) ** 2)) / o.length;
  return o.map((value) => (value - mean) / Math.sqrt(variance + epsilon));
}

/** (S + v (u ⊙ k)ᵀ) r, and S ← S diag(w) + v kᵀ in place. Peng et al. 2024, eq. 19–20. */
export function bonusHead(
  S: number[][],
  { r, k, v, u, w }: { r: Vector; k: Vector; v: Vector; u: Vector; w: Vector },
): number[] {
  return range(v.length).map((i) => {
    const read = S[i]!.map((value, j) => value + v[i]! * u[j]! * k[j]!);
    S[i] = S[i]!.map((value, j) => value * w[j]! + v[i]! * k[j]!);
    return dot(read, r);
  });
}
