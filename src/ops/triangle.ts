import type { Tensor } from "../tensor/index.ts";

/** Which edges of a triangle update the third: those that leave its corners, or those that enter them. */
export type TriangleEdges = "outgoing" | "incoming";

/**
 * Triangle multiplication of pair representations a, b [B, N, N, C] (Jumper et al. 2021, algorithms 11 and 12), by channel:
 *   outgoing: y_ij = Σ_k a_ik b_jk        incoming: y_ij = Σ_k a_ki b_kj
 */
export function triangleProduct(a_BNNC: Tensor, b_BNNC: Tensor, edges: TriangleEdges): Tensor {
  const [a, b] = [a_BNNC, b_BNNC].map((x) => x.transpose([0, 3, 1, 2])) as [Tensor, Tensor];
  const y_BCNN = edges === "outgoing" ? a.matmul(b, { transB: true }) : a.matmul(b, { transA: true });
  return y_BCNN.transpose([0, 2, 3, 1]);
}
