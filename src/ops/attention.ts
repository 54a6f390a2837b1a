import { iota, type Tensor, where } from "../tensor/index.ts";

export interface Attention {
  /** [B, H, T, K]. */
  q: Tensor;
  /** [B, G, S, K]: G heads, each shared by H/G neighbouring query heads. */
  k: Tensor;
  /** [B, G, S, V]. */
  v: Tensor;
}

interface AttentionOptions {
  /** By default 1/√K. */
  scale?: number;
  /** Added to the scores, broadcast to [B, H, T, S]. */
  bias?: Tensor | undefined;
  /** bool, true where a query may attend, broadcast to [B, H, T, S]. */
  mask?: Tensor | undefined;
}

/** softmax(q·kᵀ·scale + bias)·v; a query that may attend to nothing gives zeros. Vaswani et al. 2017, eq. 1. */
export function scaledDotProduct(
  { q, k, v }: Attention,
  { scale = q.dim(-1) ** -0.5, bias, mask }: AttentionOptions = {},
): Tensor {
  const heads = q.dim(1);
  const scores = q.matmul(sharedHeads(k, heads), { transB: true, alpha: scale });
  const biased = bias ? scores.add(bias) : scores;
  // A finite stand-in for −∞: a row without keys then has finite weights, which the mask turns into zeros.
  const weights = mask ? where(mask, where(mask, biased, -1e30).softmax(-1), 0) : biased.softmax(-1);
  return weights.matmul(sharedHeads(v, heads));
}

/** Query t sees keys s ≤ t, aligned at the first of both: bool [T, S]. */
export const causalMask = (queries: number, keys: number): Tensor => iota(keys).lessEqual(iota(queries).unsqueeze(1));

/** Repeats each of G heads for the H/G query heads that share it. */
function sharedHeads(x: Tensor, heads: number): Tensor {
  const [batch, groups, length, width] = x.shape as [number, number, number, number];
  if (groups === heads) return x;
  return x
    .unsqueeze(2)
    .expand([batch, groups, heads / groups, length, width])
    .reshape([batch, heads, length, width]);
}
