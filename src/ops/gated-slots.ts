import { constant, type Tensor } from "../tensor/index.ts";
import { addFromChunk, carryChunks, decayMatrix } from "./decay-scan-chunks.ts";
import { keyedDecayScan, keyedDecayStep } from "./decay-scan-keyed.ts";
import { joinChunks, splitChunks } from "./decay-scan-layout.ts";

/**
 * Attention over a fixed number of slots whose keys and values fade and are written by gates (GSA, Zhang et al. 2024, eq. 8):
 * K_t = K_{t−1} diag(a_t) + k_t s_tᵀ, V_t = V_{t−1} diag(a_t) + v_t s_tᵀ, o_t = V_t softmax(K_tᵀ q_t).
 * Axes: H heads, K key width, V value width, M slots, B batch, T time, c chunks, L times of a chunk; columns […, B, T].
 */
export interface GatedSlotsInput {
  q_HKBT: Tensor;
  k_HKBT: Tensor;
  v_HVBT: Tensor;
  /** s: how much each slot takes in. */
  write_HMBT: Tensor;
  /** log a ≤ 0. */
  logDecay_HMBT: Tensor;
  /** Absent means 0. */
  keys_BHKM?: Tensor | undefined;
  /** Absent means 0. */
  values_BHVM?: Tensor | undefined;
  /** Times per chunk: it changes rounding and speed only. */
  chunk?: number;
}

export interface GatedSlotsResult {
  o_HVBT: Tensor;
  /** After the last time. */
  keys_BHKM: Tensor;
  values_BHVM: Tensor;
}

/** All times at once: scores of the slots, then a decay scan that these scores read. */
export function gatedSlots(input: GatedSlotsInput): GatedSlotsResult {
  const { scores_HMBT, keys_BHKM } = slotScores(input);
  const { o_HVBT, S_BHVK } = keyedDecayScan(valueScan(input, scores_HMBT));
  return { o_HVBT, keys_BHKM, values_BHVM: S_BHVK };
}

/** One time by the recurrence itself: columns with T = 1. */
export function gatedSlotsStep(input: GatedSlotsInput): GatedSlotsResult {
  const row = (x: Tensor) => x.squeeze(-1).transpose([2, 0, 1]).unsqueeze(-2);
  const column = (x: Tensor) => x.squeeze(-1).transpose([2, 0, 1]).unsqueeze(-1);
  const added = column(input.k_HKBT).mul(row(input.write_HMBT));
  const keys = input.keys_BHKM ? input.keys_BHKM.mul(row(input.logDecay_HMBT).exp()).add(added) : added;
  const scores = keys.mul(column(input.q_HKBT)).sum(-2).transpose([1, 2, 0]).unsqueeze(-1);
  const { o_HVBT, S_BHVK } = keyedDecayStep(valueScan(input, scores));
  return { o_HVBT, keys_BHKM: keys, values_BHVM: S_BHVK };
}

const valueScan = (input: GatedSlotsInput, scores_HMBT: Tensor) => ({
  q_HKBT: scores_HMBT.softmax(1),
  k_HKBT: input.write_HMBT,
  v_HVBT: input.v_HVBT,
  logDecay_HKBT: input.logDecay_HMBT,
  S_BHVK: input.values_BHVM,
  chunk: input.chunk ?? 16,
});

/** K_tᵀ q_t at every time. */
function slotScores(input: GatedSlotsInput): { scores_HMBT: Tensor; keys_BHKM: Tensor } {
  const time = input.q_HKBT.dim(-1);
  const length = Math.min(input.chunk ?? 16, time);
  const split = (x: Tensor) => splitChunks(x, length);
  const [q, k, write, logDecay] = [
    split(input.q_HKBT),
    split(input.k_HKBT),
    split(input.write_HMBT),
    split(input.logDecay_HMBT),
  ];
  const cum = logDecay.matmul(upToColumn(length));
  const last = cum.slice(-1, -1);
  const pairs = q.matmul(k, { transA: true }).unsqueeze(3);
  const inside = decayMatrix(cum).mul(pairs).matmul(write.unsqueeze(-1)).squeeze(-1);
  // One head to a group: [c, B, H, 1, K, M].
  const { first, starts, end } = carryChunks({
    added: k.matmul(write.mul(last.sub(cum).exp()), { transB: true }).unsqueeze(3),
    logTotal: last.swap(-1, -2).unsqueeze(3),
    start: input.keys_BHKM?.unsqueeze(2),
  });
  const carried = starts?.squeeze(3).matmul(q.slice(0, first), { transA: true }).mul(cum.slice(0, first).exp());
  return { scores_HMBT: joinChunks(addFromChunk(inside, carried, first), time), keys_BHKM: end.squeeze(2) };
}

/** x · this cumulates the last axis of x. */
function upToColumn(size: number): Tensor {
  return constant(
    Array.from({ length: size * size }, (_, i) => (Math.floor(i / size) <= i % size ? 1 : 0)),
    [size, size],
  );
}
