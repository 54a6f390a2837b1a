/** Level and growth of a series as ETSformer smooths them. Axes: B batch, T time, D features, H heads, S times ahead. */
import { iota, type Tensor } from "../tensor/index.ts";
import { linearScan } from "./gate-scan-linear.ts";

/**
 * level_t = α (x_t − season_t) + (1 − α) level_{t−1} + growth_t from nothing, all [B, T, D]; share is σ⁻¹(α), one number.
 * Woo et al. 2022, eq. 4 as the authors' code unrolls it.
 */
export function exponentialLevel(
  x_BTD: Tensor,
  { season_BTD, growth_BTD, share }: { season_BTD: Tensor; growth_BTD: Tensor; share: Tensor },
): Tensor {
  const alpha = share.sigmoid();
  const entering = x_BTD.sub(season_BTD).mul(alpha).add(growth_BTD).transpose([2, 0, 1]);
  const kept = alpha.neg().add(1).reshape([1, 1, 1]).expand(entering.shape);
  return linearScan({ a_CBT: kept, u_CBT: entering }).h_CBT.transpose([1, 2, 0]);
}

/** Growth [.., D] at 1 … S times ahead: Σ over n up to each of γ_h^n times it, [.., S, D]; damping is σ⁻¹(γ), [H]. */
export function dampedGrowth(growth: Tensor, { damping_H, ahead }: { damping_H: Tensor; ahead: number }): Tensor {
  const [D, H] = [growth.dim(-1), damping_H.dim(0)];
  const gamma_1H = damping_H.sigmoid().log().unsqueeze(0);
  const steps_S1 = iota(ahead).add(1).cast("f32").unsqueeze(1);
  const sums_SH = steps_S1.mul(gamma_1H).exp().cumsum(0);
  const sums_SD = sums_SH
    .unsqueeze(2)
    .expand([ahead, H, D / H])
    .reshape([ahead, D]);
  return growth.unsqueeze(-2).mul(sums_SD);
}
