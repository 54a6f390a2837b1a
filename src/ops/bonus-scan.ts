import { constant, linearAttention, type Tensor } from "../tensor/index.ts";
import type { DecayScanResult } from "./decay-scan.ts";
import { addFromChunk, carryChunks } from "./decay-scan-chunks.ts";
import { joinChunks, splitChunks } from "./decay-scan-layout.ts";

/**
 * A matrix state read before it takes in the present, which has a weight of its own instead (RWKV-5 and 6, Peng et al. 2024, eq. 19–20):
 * o_t = (S_{t−1} + v_t (u ⊙ k_t)ᵀ) r_t, S_t = S_{t−1} diag(a_t) + v_t k_tᵀ.
 * Axes: H heads, K key width, V value width, B batch, T time, c chunks, L times of a chunk; columns […, B, T].
 */
export interface BonusScanInput {
  r_HKBT: Tensor;
  k_HKBT: Tensor;
  v_HVBT: Tensor;
  /** log a ≤ 0. */
  logDecay_HKBT: Tensor;
  /** u. */
  bonus_HK: Tensor;
  /** Absent means 0. */
  S_BHVK?: Tensor | undefined;
  /** Times per chunk: work and memory within chunks grow with it, the number of steps over chunks shrinks. */
  chunk?: number;
}

/** All times at once. */
export function bonusScan(input: BonusScanInput): DecayScanResult {
  const { r_HKBT, k_HKBT, v_HVBT, logDecay_HKBT, S_BHVK, chunk } = input;
  const { o_HVBT, ...after } = linearAttention(
    { q_GKBT: r_HKBT, k_GKBT: k_HKBT, v_HVBT, logDecay: logDecay_HKBT, state: S_BHVK },
    ({ q_GKBT: r, k_GKBT: k, v_HVBT: v, logDecay, state }) =>
      chunkedEarlier({
        r_HKBT: r,
        k_HKBT: k,
        v_HVBT: v,
        logDecay_HKBT: logDecay!,
        S_BHVK: state,
        ...(chunk && { chunk }),
      }),
    "before-write",
  );
  return { o_HVBT: o_HVBT.add(present(input)), ...after };
}

/** S_{t−1} r_t. Factoring the decay between two times would overflow, so scores within a chunk are summed elementwise. */
function chunkedEarlier({
  r_HKBT,
  k_HKBT,
  v_HVBT,
  logDecay_HKBT,
  S_BHVK,
  chunk = 16,
}: Omit<BonusScanInput, "bonus_HK">): DecayScanResult {
  const time = v_HVBT.dim(-1);
  const length = Math.min(chunk, time);
  const split = (x: Tensor) => splitChunks(x, length);
  const [r, k, v, logDecay] = [split(r_HKBT), split(k_HKBT), split(v_HVBT), split(logDecay_HKBT)];
  const upTo = logDecay.matmul(upToColumn(length));
  const before = upTo.sub(logDecay);
  const last = upTo.slice(-1, -1);
  const inside = v.matmul(earlierScores({ r, k, before, upTo }), { transB: true });
  const added = v.matmul(k.mul(last.sub(upTo).exp()), { transB: true });
  // One head to a group: [c, B, H, 1, V, K].
  const { first, starts, end } = carryChunks({
    added: added.unsqueeze(3),
    logTotal: last.swap(-1, -2).unsqueeze(3),
    start: S_BHVK?.unsqueeze(2),
  });
  const carried = starts?.squeeze(3).matmul(r.mul(before.exp()).slice(0, first));
  return { o_HVBT: joinChunks(addFromChunk(inside, carried, first), time), S_BHVK: end.squeeze(2) };
}

/** One time by the recurrence itself: columns with T = 1. */
export function bonusStep(input: BonusScanInput): DecayScanResult {
  const row = (x: Tensor) => x.squeeze(-1).transpose([2, 0, 1]).unsqueeze(-2);
  const { r_HKBT, k_HKBT, v_HVBT, logDecay_HKBT, S_BHVK } = input;
  const added = v_HVBT.squeeze(-1).transpose([2, 0, 1]).unsqueeze(-1).mul(row(k_HKBT));
  if (S_BHVK === undefined) return { o_HVBT: present(input), S_BHVK: added };
  const o_HVBT = S_BHVK.mul(row(r_HKBT)).sum(-1).transpose([1, 2, 0]).unsqueeze(-1);
  return { o_HVBT: o_HVBT.add(present(input)), S_BHVK: S_BHVK.mul(row(logDecay_HKBT).exp()).add(added) };
}

/** v_t (u ⊙ k_t)·r_t. */
function present({ r_HKBT, k_HKBT, v_HVBT, bonus_HK }: BonusScanInput): Tensor {
  const weight = r_HKBT.mul(k_HKBT).mul(bonus_HK.reshape([...bonus_HK.shape, 1, 1]));
  return v_HVBT.mul(weight.sum(1, true));
}

/** exp of this is 0 in f32 and f64 whatever finite sum of log-decays it is added to. */
const closed = -1e30;

/** Σ_k r_ik k_jk exp(log-decay of times j + 1 … i − 1) for j < i, else 0: [c, B, H, L, L]. The mask goes in before exp. */
function earlierScores({ r, k, before, upTo }: { r: Tensor; k: Tensor; before: Tensor; upTo: Tensor }): Tensor {
  const length = r.dim(-1);
  const mask = triangle(length, (row, column) => (column < row ? 0 : closed));
  const decay = before.unsqueeze(-1).add(upTo.neg().unsqueeze(-2)).add(mask).exp();
  return decay.mul(r.unsqueeze(-1)).mul(k.unsqueeze(-2)).sum(-3);
}

/** x · this cumulates the last axis of x. */
const upToColumn = (size: number): Tensor => triangle(size, (row, column) => (row <= column ? 1 : 0));

function triangle(size: number, entry: (row: number, column: number) => number): Tensor {
  return constant(
    Array.from({ length: size * size }, (_, i) => entry(Math.floor(i / size), i % size)),
    [size, size],
  );
}
