import { constant, linearAttention, type Tensor } from "../tensor/index.ts";
import type { DecayScanResult } from "./decay-scan.ts";
import { addFromChunk, carryChunks, decayMatrix } from "./decay-scan-chunks.ts";
import { joinChunks, splitChunks } from "./decay-scan-layout.ts";

/**
 * S_t = S_{t−1} diag(a_t) + v_t k_tᵀ, o_t = S_t q_t with a decay per key feature (gated linear attention, Yang et al. 2023, eq. 3).
 * Axes: H heads, K key width, V value width, B batch, T time, c chunks, L times of a chunk; columns […, B, T].
 */
export interface KeyedDecayScanInput {
  q_HKBT: Tensor;
  k_HKBT: Tensor;
  v_HVBT: Tensor;
  /** log a ≤ 0. */
  logDecay_HKBT: Tensor;
  /** Absent means 0. */
  S_BHVK?: Tensor | undefined;
  /** Times per chunk: work and memory within chunks grow with it, the number of steps over chunks shrinks. */
  chunk?: number;
}

/** All times at once. */
export function keyedDecayScan({
  q_HKBT,
  k_HKBT,
  v_HVBT,
  logDecay_HKBT,
  S_BHVK,
  chunk,
}: KeyedDecayScanInput): DecayScanResult {
  const given = { q_GKBT: q_HKBT, k_GKBT: k_HKBT, v_HVBT, state: S_BHVK, logDecay: logDecay_HKBT };
  return linearAttention(given, ({ q_GKBT: q, k_GKBT: k, v_HVBT: v, state, logDecay }) =>
    chunkedKeyedScan({
      q_HKBT: q,
      k_HKBT: k,
      v_HVBT: v,
      logDecay_HKBT: logDecay!,
      S_BHVK: state,
      ...(chunk && { chunk }),
    }),
  );
}

/** Factoring the decay between two times would overflow, so scores within a chunk are summed elementwise. */
function chunkedKeyedScan({
  q_HKBT,
  k_HKBT,
  v_HVBT,
  logDecay_HKBT,
  S_BHVK,
  chunk = 16,
}: KeyedDecayScanInput): DecayScanResult {
  const time = v_HVBT.dim(-1);
  const length = Math.min(chunk, time);
  const [q, k, v] = [q_HKBT, k_HKBT, v_HVBT].map((x) => splitChunks(x, length)) as [Tensor, Tensor, Tensor];
  const cum = splitChunks(logDecay_HKBT, length).matmul(upToColumn(length));
  const last = cum.slice(-1, -1);
  const inside = v.matmul(innerScores(q, k, cum), { transB: true });
  const added = v.matmul(k.mul(last.sub(cum).exp()), { transB: true });
  // One head to a group: [c, B, H, 1, V, K].
  const { first, starts, end } = carryChunks({
    added: added.unsqueeze(3),
    logTotal: last.swap(-1, -2).unsqueeze(3),
    start: S_BHVK?.unsqueeze(2),
  });
  const carried = starts?.squeeze(3).matmul(q.mul(cum.exp()).slice(0, first));
  return { o_HVBT: joinChunks(addFromChunk(inside, carried, first), time), S_BHVK: end.squeeze(2) };
}

/** One time by the recurrence itself: columns with T = 1. */
export function keyedDecayStep({
  q_HKBT,
  k_HKBT,
  v_HVBT,
  logDecay_HKBT,
  S_BHVK,
}: KeyedDecayScanInput): DecayScanResult {
  const [key, value] = [
    (x: Tensor) => x.squeeze(-1).transpose([2, 0, 1]).unsqueeze(-2),
    (x: Tensor) => x.squeeze(-1).transpose([2, 0, 1]).unsqueeze(-1),
  ];
  const added = value(v_HVBT).mul(key(k_HKBT));
  const S = S_BHVK ? S_BHVK.mul(key(logDecay_HKBT).exp()).add(added) : added;
  return { o_HVBT: S.mul(key(q_HKBT)).sum(-1).transpose([1, 2, 0]).unsqueeze(-1), S_BHVK: S };
}

/** Σ_k q_ik k_jk exp(cum_ik − cum_jk) for j ≤ i, else 0: [c, B, H, L, L]. */
function innerScores(q: Tensor, k: Tensor, cum: Tensor): Tensor {
  return decayMatrix(cum).mul(q.unsqueeze(-1)).mul(k.unsqueeze(-2)).sum(-3);
}

/** x · this cumulates the last axis of x. */
function upToColumn(size: number): Tensor {
  return constant(
    Array.from({ length: size * size }, (_, i) => (Math.floor(i / size) <= i % size ? 1 : 0)),
    [size, size],
  );
}
