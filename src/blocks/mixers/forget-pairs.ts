/**
 * Forget gates for every pair of tokens, from small queries and keys of their own.
 * Axes: B batch, H heads, T new tokens, C cached tokens, S keys of a block, cached ones first, P gate size.
 */
import type { Span } from "../../ops/index.ts";
import { concat, iota, logSigmoid, type Tensor, where } from "../../tensor/index.ts";

export interface PairGates {
  q_BHTP: Tensor;
  k_BHTP: Tensor;
  /** Keys of earlier tokens, and which of their slots hold one: bool [B, 1, C]. */
  earlier?: { k_BHCP: Tensor; visible_B1C: Tensor } | undefined;
  mask_BT: Tensor | undefined;
}

/** Σ_{s ≤ l < t} log σ(q_t·k_l / √P) of a block: [B, H, queries, S]. */
export function pairBias({ q_BHTP, k_BHTP, earlier, mask_BT }: PairGates, queries: Span, keys: Span): Tensor {
  const q = q_BHTP.slice(2, queries.start, queries.end);
  const logs = (k: Tensor) => logSigmoid(q.matmul(k, { transB: true, alpha: q.dim(3) ** -0.5 }));
  const place = ({ start, end }: Span) => iota(end - start).add(start);
  const before = place(keys).less(place(queries).unsqueeze(1));
  const real = mask_BT?.slice(1, keys.start, keys.end).unsqueeze(1).unsqueeze(1);
  const recent = where(real ? real.and(before) : before, logs(k_BHTP.slice(2, keys.start, keys.end)), 0);
  const all = earlier ? concat(3, [where(earlier.visible_B1C.unsqueeze(1), logs(earlier.k_BHCP), 0), recent]) : recent;
  return all.cumsum(-1, { reverse: true });
}
