/**
 * The matrix memory of mLSTM (Beck et al. 2024, arXiv 2405.04517, eq. 19–27) with exponential gates:
 *   C_t = f_t C_{t−1} + i_t k_t v_tᵀ    n_t = f_t n_{t−1} + i_t k_t    h_t = C_tᵀ q_t / max(|n_tᵀ q_t|, 1)
 * C and n are stored divided by eᵐ, m_t = max(log f_t + m_{t−1}, log i_t) as in the recurrence. Since h does not change
 * with the choice of m (but through ε), m carries no gradient where ε is 0: C·eᵐ and n·eᵐ have the true one.
 * Axes: H heads, B batch, T time, N chunks, L steps of a chunk, K key width, V value width; heads stand before the batch, as
 * products of head-wise matrices leave them. Inside, n is column V of C.
 */
import { concat, constant, iota, type Tensor, where } from "../tensor/index.ts";

/** C [H,B,K,V], n [H,B,K], m [H,B]. */
export interface MlstmState {
  readonly C: Tensor;
  readonly n: Tensor;
  readonly m: Tensor;
}

interface Step {
  q: Tensor;
  k: Tensor;
  v: Tensor;
  /** log i. */
  logInput: Tensor;
  /** log f. */
  logForget: Tensor;
  /** Added to the denominator max(|n q|, e^−m). */
  epsilon: number;
}

export interface MlstmOptions extends Step {
  /** Absent fields are 0; C and n come together. */
  s: { readonly [K in keyof MlstmState]?: Tensor | undefined };
  mask_BT?: Tensor | undefined;
  /** Steps per chunk (more for very long inputs); changes nothing but speed. */
  chunk: number;
}

/** Logarithm of a weight that is zero. */
const never = -1e30;

/** More chunks than these would cost more in the product over chunk states than longer chunks do inside. */
const mostChunks = 256;

/** All steps: q, k [H,B,T,K], v [H,B,T,V], gates [H,B,T] → h [H,B,T,V] and the last state. Cost O(T·(chunk + K·V)). */
export function mlstmChunked(options: MlstmOptions): { h: Tensor; s: MlstmState } {
  const { q, v, epsilon } = options;
  const [T, V] = [q.dim(2), v.dim(3)];
  const L = Math.min(T, Math.max(options.chunk, Math.ceil(T / mostChunks)));
  const parts = cutChunks(options, L);
  const { b_HBNL, uMatrix_HBNLL, cummax_HBNL } = parts;
  const { m_HBN, starts, s } = chunkStates(parts, options);
  const z = m_HBN.unsqueeze(3).maximum(cummax_HBNL);
  const fixed = z.stopGradient();
  const weights = uMatrix_HBNLL.sub(fixed.unsqueeze(4)).exp();
  const inside = parts.q.matmul(parts.k, { transB: true }).mul(weights).matmul(parts.v1);
  const before = starts && parts.q.matmul(starts).mul(m_HBN.stopGradient().unsqueeze(3).sub(fixed).exp().unsqueeze(4));
  const h = normalised(before ? inside.add(before) : inside, { m: b_HBNL.add(fixed), excess: z.sub(fixed), epsilon });
  return { h: h.reshape([q.dim(0), q.dim(1), -1, V]).slice(2, 0, T), s };
}

/** One step: q, k [H,B,K], v [H,B,V], gates [H,B]. */
export function mlstmStep({ q, k, v, logInput, logForget, epsilon, s }: Step & { s: MlstmState }): {
  h: Tensor;
  s: MlstmState;
} {
  const kept = logForget.add(s.m);
  const m = kept.maximum(logInput);
  const fixed = m.stopGradient();
  const forget = kept.sub(fixed).exp().unsqueeze(2);
  const write = k.mul(logInput.sub(fixed).exp().unsqueeze(2));
  const C = s.C.mul(forget.unsqueeze(3)).add(write.unsqueeze(3).mul(v.unsqueeze(2)));
  const n = s.n.mul(forget).add(write);
  const read = q
    .unsqueeze(2)
    .matmul(concat(3, [C, n.unsqueeze(3)]))
    .squeeze(2);
  const excess = m.sub(fixed);
  return { h: normalised(read, { m: fixed, excess, epsilon }), s: stored({ C, n, m: fixed }, { excess, epsilon }) };
}

/** States relative to the true m, whose gradient `excess` carries, where h depends on it. */
function stored({ C, n, m }: MlstmState, { excess, epsilon }: { excess: Tensor; epsilon: number }): MlstmState {
  if (epsilon === 0) return { C, n, m };
  const factor = excess.neg().exp().unsqueeze(2);
  return { C: C.mul(factor.unsqueeze(3)), n: n.mul(factor), m: m.add(excess) };
}

/**
 * [C q | n q] → C q / (max(|n q|, e^−m) + ε·e^excess). `excess` is 0 and carries the gradient of the true m, which the
 * term with ε alone depends on. e^−m is kept within e^±80, where f32 ends and h is 0 or n q decides.
 */
function normalised(read: Tensor, { m, excess, epsilon }: { m: Tensor; excess: Tensor; epsilon: number }): Tensor {
  const V = read.dim(-1) - 1;
  const floor = m.neg().minimum(80).maximum(-80).exp().unsqueeze(-1);
  const denominator = read.slice(-1, V).abs().maximum(floor);
  const safe = epsilon === 0 ? denominator : denominator.add(excess.exp().mul(epsilon).unsqueeze(-1));
  return read.slice(-1, 0, V).div(safe);
}

interface Chunks {
  q: Tensor;
  k: Tensor;
  /** v with a column of ones. */
  v1: Tensor;
  /** Σ log f from the chunk's start. */
  b_HBNL: Tensor;
  /** u_s = log i_s − b_s. */
  u_HBNL: Tensor;
  /** u_s in row t where s ≤ t, else never. */
  uMatrix_HBNLL: Tensor;
  /** max u_s over s ≤ t. */
  cummax_HBNL: Tensor;
}

function cutChunks({ q, k, v, logInput, logForget, mask_BT }: MlstmOptions, L: number): Chunks {
  const [H, B, T] = [q.dim(0), q.dim(1), q.dim(2)];
  const N = Math.ceil(T / L);
  const cut = (x: Tensor, fill = 0) => x.pad(2, 0, N * L - T, fill).reshape([H, B, N, L, ...x.shape.slice(3)]);
  const real = (x: Tensor, fill: number) => (mask_BT ? where(mask_BT, x, fill) : x);
  const b_HBNL = cut(real(logForget, 0)).cumsum(3);
  const u_HBNL = cut(real(logInput, never), never).sub(b_HBNL);
  const past = iota(L).unsqueeze(1).greaterEqual(iota(L));
  const uMatrix_HBNLL = where(past, u_HBNL.unsqueeze(3), never);
  return {
    q: cut(q),
    k: cut(k),
    v1: cut(v.pad(3, 0, 1, 1)),
    b_HBNL,
    u_HBNL,
    uMatrix_HBNLL,
    cummax_HBNL: uMatrix_HBNLL.max(4),
  };
}

/**
 * States at the start of each chunk (undefined where all are 0) and after the last. Each chunk writes
 * S_j = Σ_s e^{u_s − max u} k_s [v_s | 1]ᵀ; the state before chunk k is Σ_{j<k} e^{decay_kj + log scale_j − m_k} S_j: one
 * product with a small lower triangular matrix, in which the initial state stands as entry 0.
 */
function chunkStates({ k, v1, b_HBNL, u_HBNL, cummax_HBNL }: Chunks, { s, epsilon }: MlstmOptions) {
  const [H, B, N, K, V] = [k.dim(0), k.dim(1), k.dim(2), k.dim(4), v1.dim(4) - 1];
  const top = cummax_HBNL.at(3, -1);
  const written = k.mul(u_HBNL.sub(top.stopGradient().unsqueeze(3)).exp().unsqueeze(4)).matmul(v1, { transA: true });
  const m0 = s.m ?? constant([0], [1, 1]).expand([H, B]);
  const { weights, m } = chunkWeights(b_HBNL.at(3, -1), { m0, top });
  const initial = s.C && s.n && concat(3, [s.C, s.n.unsqueeze(3)]);
  const flat = written.reshape([H, B, N, K * (V + 1)]);
  const entries = initial ? concat(2, [initial.reshape([H, B, 1, K * (V + 1)]), flat]) : flat;
  const used = initial ? weights : weights.slice(3, 1);
  const combine = (from: number, to: number) =>
    used
      .slice(2, from, to)
      .matmul(entries)
      .reshape([H, B, to - from, K, V + 1]);
  const last = combine(N, N + 1).squeeze(2);
  const fixed = m.at(2, N).stopGradient();
  const memory = { C: last.slice(3, 0, V), n: last.at(3, V), m: fixed };
  return {
    m_HBN: m.slice(2, 0, N),
    starts: initial || N > 1 ? combine(0, N) : undefined,
    s: stored(memory, { excess: m.at(2, N).sub(fixed), epsilon }),
  };
}

/** weights[k][j] = e^{Σ_{j<l≤k} g_l + scale_j − m_k}, g the chunks' log-decays, scale_0 = m₀, scale_j = g_j + top_j; m_k the largest exponent. */
function chunkWeights(g_HBN: Tensor, { m0, top }: { m0: Tensor; top: Tensor }): { weights: Tensor; m: Tensor } {
  const index = iota(g_HBN.dim(2) + 1);
  const [row, column] = [index.unsqueeze(1), index];
  const decay = where(row.greater(column), g_HBN.pad(2, 1, 0).unsqueeze(3), 0).cumsum(2);
  const exponents = (tops: Tensor) => {
    const scale = concat(2, [m0.unsqueeze(2), g_HBN.add(tops)]);
    return where(row.greaterEqual(column), decay.add(scale.unsqueeze(2)), never);
  };
  const m = exponents(top).max(3);
  return { weights: exponents(top.stopGradient()).sub(m.stopGradient().unsqueeze(3)).exp(), m };
}
