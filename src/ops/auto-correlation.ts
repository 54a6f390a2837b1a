/** Auto-correlation of Autoformer. Axes: B batch, L time, H heads, E features a head, K delays. */
import { iota, type Tensor } from "../tensor/index.ts";
import { irfft, rfft } from "./fourier.ts";

export interface Delays {
  /** Delays for each unit of ln L. Default 1. */
  factor?: number;
  /** each: every sequence has its own; shared: those of the largest mean over the batch (the authors', in training). Default each. */
  delays?: "each" | "shared";
}

/**
 * Values moved by the delays at which queries and keys agree most, all [B, L, H, E]: Σ_k softmax_k(R(τ_k)) v_(t + τ_k), R the mean
 * over heads and features of the circular correlation of q and k, τ the ⌊factor · ln L⌋ delays of largest R. Which they are
 * carries no gradient. Wu et al. 2021, eq. 5–7.
 */
export function autoCorrelation(
  { q, k, v }: { q: Tensor; k: Tensor; v: Tensor },
  { factor = 1, delays = "each" }: Delays = {},
): Tensor {
  const [B, L, H, E] = q.shape as [number, number, number, number];
  const fitted = (x: Tensor) => (x.dim(1) < L ? x.pad(1, 0, L - x.dim(1)) : x.slice(1, 0, L));
  const [a, b] = [rfft(q, { axis: 1 }), rfft(fitted(k), { axis: 1 })];
  const product = { re: a.re.mul(b.re).add(a.im.mul(b.im)), im: a.im.mul(b.re).sub(a.re.mul(b.im)) };
  const agreement_BL = irfft(product, { axis: 1, n: L }).mean([2, 3]);
  const count = Math.max(1, Math.floor(factor * Math.log(L)));
  const fixed = agreement_BL.stopGradient();
  const chosen_BL = delays === "shared" ? fixed.mean(0, true).expand([B, L]) : fixed;
  const delays_BK = chosen_BL.topk(-1, count).indices;
  const weights_BK = agreement_BL.gatherElements(1, delays_BK).softmax(-1);
  const values = fitted(v).reshape([B, L, H * E]);
  const moved = Array.from({ length: count }, (_, i) => {
    const index_BL = delays_BK
      .slice(1, i, i + 1)
      .add(iota(L))
      .mod(L);
    const rolled = values.gatherElements(1, index_BL.unsqueeze(2).expand([B, L, H * E]));
    return rolled.mul(weights_BK.slice(1, i, i + 1).unsqueeze(2));
  });
  return moved.reduce((sum, next) => sum.add(next)).reshape([B, L, H, E]);
}
