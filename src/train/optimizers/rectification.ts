/**
 * The variance of the adaptive rate at step t (Liu et al. 2020, eqs. 5–7): ρ∞ = 2/(1 − β₂) − 1, ρ = ρ∞ − 2tβ₂ᵗ/(1 − β₂ᵗ), and
 * the factor √((ρ−4)(ρ−2)ρ∞ / ((ρ∞−4)(ρ∞−2)ρ)), NaN where ρ ≤ 4.
 */
export function rectification(beta2: number, t: number): { length: number; factor: number } {
  const limit = 2 / (1 - beta2) - 1;
  const length = limit - (2 * t * beta2 ** t) / (1 - beta2 ** t);
  const squared = ((length - 4) * (length - 2) * limit) / ((limit - 4) * (limit - 2) * length);
  return { length, factor: length > 4 ? Math.sqrt(squared) : Number.NaN };
}
