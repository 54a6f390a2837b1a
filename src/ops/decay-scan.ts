import type { Tensor } from "../tensor/index.ts";
import { addFromChunk, carryChunks, chunkDecays, fromChunk, scaled } from "./decay-scan-chunks.ts";
import { joinChunks, splitChunks } from "./decay-scan-layout.ts";

/**
 * S_t = a_t S_{t−1} + v_t k_tᵀ, o_t = S_t q_t with one decay a_t per head (Dao & Gu 2024, section 6; without decay: linear attention).
 * Axes: G key groups, H = G·R heads (head h reads group ⌊h/R⌋), K key width, V value width, B batch, T time; columns […, B, T].
 */
export interface DecayScanInput {
  q_GKBT: Tensor;
  k_GKBT: Tensor;
  v_HVBT: Tensor;
  /** log a ≤ 0, [H, B, T] or [H, 1, T]; absent means a = 1. Sums over a chunk must be finite in f32. */
  logDecay_HBT?: Tensor | undefined;
  /** Absent means 0. */
  S_BHVK?: Tensor | undefined;
  /** Times per chunk (it changes rounding and speed only). */
  chunk?: number;
}

export interface DecayScanResult {
  o_HVBT: Tensor;
  /** After the last time. */
  S_BHVK: Tensor;
}

/** All times at once: products within chunks, and a recurrence over chunk states. */
export function decayScan({ q_GKBT, k_GKBT, v_HVBT, logDecay_HBT, S_BHVK, chunk = 64 }: DecayScanInput): DecayScanResult {
  const time = v_HVBT.dim(-1);
  const length = Math.min(chunk, time);
  const [q, k] = [splitChunks(q_GKBT, length), splitChunks(k_GKBT, length)];
  const v = splitChunks(grouped(v_HVBT, q_GKBT), length);
  const decays = chunkDecays(logDecay_HBT && splitChunks(grouped(logDecay_HBT, q_GKBT), length), length);
  const scores = q.matmul(k, { transA: true }).unsqueeze(3);
  const inside = v.matmul(scores.mul(decays.within), { transB: true });
  const added = outerSums(scaled(v, decays.toEnd), k);
  const start = S_BHVK?.reshape([S_BHVK.dim(0), ...added.shape.slice(2)]);
  const { first, starts, end } = carryChunks({ added, logTotal: decays.logTotal, start });
  const carried = starts && scaled(read(starts, q.slice(0, first)), fromChunk(decays.fromStart, first));
  const o = joinChunks(addFromChunk(inside, carried, first), time);
  const [batch, , , rows, keys] = end.shape;
  return { o_HVBT: o.reshape(v_HVBT.shape), S_BHVK: end.reshape([batch!, v_HVBT.dim(0), rows!, keys!]) };
}

/** One time by the recurrence itself: columns with T = 1 and a given state. */
export function decayStep({ q_GKBT, k_GKBT, v_HVBT, logDecay_HBT, S_BHVK }: DecayScanInput & { S_BHVK: Tensor }): DecayScanResult {
  const [groups, keys, batch] = k_GKBT.shape as [number, number, number];
  const [heads, values] = v_HVBT.shape as [number, number];
  const perHead = [batch, groups, heads / groups, values, keys];
  const k_BG11K = k_GKBT.reshape([groups, keys, batch]).transpose([2, 0, 1]).reshape([batch, groups, 1, 1, keys]);
  const q_BG11K = q_GKBT.reshape([groups, keys, batch]).transpose([2, 0, 1]).reshape([batch, groups, 1, 1, keys]);
  const v_BGRV1 = v_HVBT.reshape([heads, values, batch]).transpose([2, 0, 1]).reshape([batch, groups, -1, values, 1]);
  const decay = logDecay_HBT?.reshape([heads, -1]).transpose([1, 0]).reshape([-1, groups, heads / groups, 1, 1]).exp();
  const S = scaled(S_BHVK.reshape(perHead), decay).add(v_BGRV1.mul(k_BG11K));
  const o_BHV = S.mul(q_BG11K).sum(-1).reshape([batch, heads, values]);
  return { o_HVBT: o_BHV.transpose([1, 2, 0]).reshape(v_HVBT.shape), S_BHVK: S.reshape([batch, heads, values, keys]) };
}

/** [H, …] as [G, R, …] with the groups of the keys. */
export function grouped(x: Tensor, keys_GKBT: Tensor): Tensor {
  return x.reshape([keys_GKBT.dim(0), x.dim(0) / keys_GKBT.dim(0), ...x.shape.slice(1)]);
}

/** Σ_t v_t k_tᵀ per chunk: v [c, B, G, R, V, L], k [c, B, G, K, L] → [c, B, G, R, V, K], one product per group. */
function outerSums(v: Tensor, k: Tensor): Tensor {
  const [chunks, batch, groups, heads, values, length] = v.shape as [number, number, number, number, number, number];
  const sums = v.reshape([chunks, batch, groups, heads * values, length]).matmul(k, { transB: true });
  return sums.reshape([chunks, batch, groups, heads, values, -1]);
}

/** S q for all times of a chunk: S [c, B, G, R, V, K], q [c, B, G, K, L] → [c, B, G, R, V, L], one product per group. */
function read(S: Tensor, q: Tensor): Tensor {
  const [chunks, batch, groups, heads, values, keys] = S.shape as [number, number, number, number, number, number];
  const rows = S.reshape([chunks, batch, groups, heads * values, keys]).matmul(q);
  return rows.reshape([chunks, batch, groups, heads, values, -1]);
}
