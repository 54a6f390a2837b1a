/**
 * Scores of PaTH attention (Yang et al. 2025, section 3): between a query and a key stand reflections of all tokens between,
 *   s_ts = q_tᵀ H_t H_{t−1} … H_{s+1} k_s,  H_i = I − β_i w_i w_iᵀ,
 * computed for all pairs by products and one triangular inverse (the UT transform, eq. 5).
 * Axes: B batch, H query heads, G key heads (query head h reads key head ⌊h·G/H⌋), T time, K key width.
 */
import { type Tensor, unitLowerInverse } from "../tensor/index.ts";
import { identityMatrix, lowerTriangle } from "./linalg.ts";

export interface PathScores {
  q_BHTK: Tensor;
  k_BGTK: Tensor;
  /** Directions, in the theory of unit length. */
  w_BGTK: Tensor;
  beta_BGT: Tensor;
}

/** [B, H, T, T]; entries of later keys mean nothing. */
export function pathScores({ q_BHTK, k_BGTK, w_BGTK, beta_BGT }: PathScores): Tensor {
  const [B, H, T, K] = q_BHTK.shape as [number, number, number, number];
  const G = k_BGTK.dim(1);
  const q_BGRTK = q_BHTK.reshape([B, G, H / G, T, K]);
  const each = (x_BGTK: Tensor) => x_BGTK.unsqueeze(2);
  const w = each(w_BGTK);
  const beta = beta_BGT.unsqueeze(-1);
  const gram_BGTT = w_BGTK.matmul(w_BGTK, { transB: true }).mul(beta);
  const inverse_BGTT = unitLowerInverse(lowerTriangle(gram_BGTT, -1).add(identityMatrix(T)));
  const wk_BGTT = lowerTriangle(w_BGTK.matmul(k_BGTK, { transB: true }), -1).mul(beta);
  const undone = lowerTriangle(q_BGRTK.matmul(w, { transB: true })).matmul(each(inverse_BGTT.matmul(wk_BGTT)));
  return q_BGRTK.matmul(each(k_BGTK), { transB: true }).sub(undone).reshape([B, H, T, T]);
}
