/**
 * Sums over all tokens of a sequence at once, and what queries read of them.
 * Axes: H heads, K features of a key, V values, B batch, T tokens; columns [C, B, T].
 */
import type { decayStep } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";

const byHead = (x_HCBT: Tensor): Tensor => x_HCBT.transpose([2, 0, 1, 3]);

/** Σ_t v_t k_tᵀ as [B, H, V, K]. */
export const sumOver = ({ k_GKBT, v_HVBT }: { k_GKBT: Tensor; v_HVBT: Tensor }): Tensor =>
  byHead(v_HVBT).matmul(byHead(k_GKBT), { transB: true });

/** S q_t of each query, as columns. */
export const readSum = (S_BHVK: Tensor, q_GKBT: Tensor): Tensor =>
  S_BHVK.matmul(byHead(q_GKBT)).transpose([1, 2, 0, 3]);

/** `decayStep`'s sums, without decay, over all tokens instead of one. */
export function sumAll({ q_GKBT, ...entries }: Parameters<typeof decayStep>[0]): ReturnType<typeof decayStep> {
  const S_BHVK = sumOver(entries);
  return { o_HVBT: readSum(S_BHVK, q_GKBT), S_BHVK };
}
