import { linearAttention, type Tensor } from "../tensor/index.ts";
import { addFromChunk, carryChunks, chunkDecays, fromChunk, scaled } from "./decay-scan-chunks.ts";
import { joinChunks, splitChunks } from "./decay-scan-layout.ts";

/**
 * S_t = a_t S_{t−1} + w_t v_t k_tᵀ, o_t = S_t q_t with one decay a_t per head (Dao & Gu 2024, section 6; without decay: linear attention).
 * Axes: G key groups, H = G·R heads (head h reads group ⌊h/R⌋), K key width, V value width, B batch, T time; columns […, B, T].
 */
export interface DecayScanInput {
  q_GKBT: Tensor;
  k_GKBT: Tensor;
  v_HVBT: Tensor;
  /** log a ≤ 0, [H, B, T] or [H, 1, T]; absent means a = 1. Sums over a chunk must be finite in f32. */
  logDecay_HBT?: Tensor | undefined;
  /** log w, [H, B, T]; absent means w = 1. In the decays it costs nothing; a product with the values would be a pass. */
  logWrite_HBT?: Tensor | undefined;
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

/** All times at once. */
export function decayScan({ chunk, S_BHVK, logDecay_HBT, logWrite_HBT, ...columns }: DecayScanInput): DecayScanResult {
  const given = { ...columns, state: S_BHVK, logDecay: logDecay_HBT, logWrite: logWrite_HBT };
  return linearAttention(given, ({ state, logDecay, logWrite, ...at }) =>
    chunkedDecayScan({ ...at, S_BHVK: state, logDecay_HBT: logDecay, logWrite_HBT: logWrite, ...(chunk && { chunk }) }),
  );
}

/** Products within chunks, and a recurrence over chunk states. */
function chunkedDecayScan(input: DecayScanInput): DecayScanResult {
  const { q_GKBT, k_GKBT, v_HVBT, S_BHVK, chunk = 64 } = input;
  const time = v_HVBT.dim(-1);
  const length = Math.min(chunk, time);
  const [q, k] = [splitChunks(q_GKBT, length), splitChunks(k_GKBT, length)];
  const perHead = (x: Tensor) => splitChunks(grouped(x, q_GKBT), length);
  const v = perHead(v_HVBT);
  const decays = chunkDecays(mapLogs(input, perHead), length);
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

/** One time by the recurrence itself: columns with T = 1. */
export function decayStep(input: DecayScanInput): DecayScanResult {
  const { q_GKBT, k_GKBT, v_HVBT, S_BHVK } = input;
  const { key, perHead, perState } = stepLayout(k_GKBT, v_HVBT);
  const { logDecay, logWrite } = mapLogs(input, (x) => perHead(x).exp());
  const added = scaled(perHead(v_HVBT), logWrite).mul(key(k_GKBT));
  const kept = S_BHVK && scaled(perState(S_BHVK), logDecay);
  const S = kept ? kept.add(added) : added;
  return stepResult(S, S.mul(key(q_GKBT)).sum(-1), v_HVBT);
}

const mapLogs = ({ logDecay_HBT, logWrite_HBT }: DecayScanInput, map: (x: Tensor) => Tensor) => ({
  logDecay: logDecay_HBT && map(logDecay_HBT),
  logWrite: logWrite_HBT && map(logWrite_HBT),
});

/** Reshapings of one time's columns to [B, G, R, V, K] and what broadcasts to it. */
export function stepLayout(k_GKBT: Tensor, v_HVBT: Tensor) {
  const [groups, keys] = k_GKBT.shape as [number, number];
  const [heads, values] = v_HVBT.shape as [number, number];
  const batchFirst = (x: Tensor, features: number) => x.reshape([features, -1]).transpose([1, 0]);
  return {
    key: (x: Tensor) => batchFirst(x, groups * keys).reshape([-1, groups, 1, 1, keys]),
    perHead: (x: Tensor) =>
      batchFirst(x, x.size / x.dim(-2)).reshape([-1, groups, heads / groups, x.rank === 3 ? 1 : values, 1]),
    perState: (S: Tensor) => S.reshape([-1, groups, heads / groups, values, keys]),
  };
}

/** A step's output [B, G, R, V] as columns, and its state by heads. */
export function stepResult(S: Tensor, o_BGRV: Tensor, v_HVBT: Tensor): DecayScanResult {
  const [heads, values] = v_HVBT.shape as [number, number];
  const o_HVBT = o_BGRV
    .reshape([-1, heads * values])
    .transpose([1, 0])
    .reshape(v_HVBT.shape);
  return { o_HVBT, S_BHVK: S.reshape([-1, heads, values, S.dim(-1)]) };
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
