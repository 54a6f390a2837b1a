/**
 * The delta rule with momentum: the error at a key does not move the state itself but a second matrix that is added to it,
 *   M_t = μ_t M_{t−1} + (v_t − S_{t−1} p_t) (η_t k_t)ᵀ,   S_t = α_t S_{t−1} + β_t M_t,   o_t = S_t q_t.
 * Within a chunk S and M are sums of the errors u_s (η_s k_s)ᵀ, weighted by products of two matrices of decays, so that the errors
 * follow from one triangular inverse, as in the delta rule (Yang et al. 2024, section 3.3).
 * Axes: H heads, K key width, V value width, B batch, T time, c chunks, L times of a chunk; columns […, B, T].
 */
import { constant, scan, type Tensor, unitLowerInverse, zeros } from "../tensor/index.ts";
import { decayMatrix } from "./decay-scan-chunks.ts";
import { joinChunks, splitChunks } from "./decay-scan-layout.ts";

export interface MomentumInput {
  q_HKBT: Tensor;
  /** What is written at, times its rate η. */
  k_HKBT: Tensor;
  v_HVBT: Tensor;
  /** What the state is read at for the error. */
  probe_HKBT: Tensor;
  /** log α and log μ ≤ 0, and β. */
  logDecay_HBT: Tensor;
  logMomentum_HBT: Tensor;
  rate_HBT: Tensor;
  s?: MomentumState | undefined;
  /** Times per chunk (it changes rounding and speed only). */
  chunk?: number;
}

export interface MomentumState {
  S_BHVK: Tensor;
  M_BHVK: Tensor;
}

export interface MomentumResult {
  o_HVBT: Tensor;
  s: MomentumState;
}

/** All times at once within chunks, over which a scan runs. */
export function momentumDelta(input: MomentumInput): MomentumResult {
  const { v_HVBT, chunk = 32, s } = input;
  const [H, V, B, T] = v_HVBT.shape as [number, number, number, number];
  const K = input.k_HKBT.dim(1);
  const { q, k, v, probe, weights } = prepared(input, Math.min(chunk, T));
  const { states, ys } = scan({
    init: [s?.S_BHVK ?? zeros([B, H, V, K]), s?.M_BHVK ?? zeros([B, H, V, K])],
    xs: [q, k, v, probe, weights.state, weights.start, weights.momentum, weights.end],
    step: ([S, M], [query, key, value, p, state, start, momentum, end]) => {
      const columns = { q: query!, k: key!, v: value!, probe: p! };
      const shares = { state: state!, start: start!, momentum: momentum!, end: end! };
      return chunkStep({ S: S!, M: M! }, columns, shares);
    },
  });
  return { o_HVBT: joinChunks(ys[0]!, T), s: { S_BHVK: states[0]!, M_BHVK: states[1]! } };
}

type Columns = Record<"q" | "k" | "v" | "probe", Tensor>;
type Shares = Record<"state" | "start" | "momentum" | "end", Tensor>;

function chunkStep({ S, M }: { S: Tensor; M: Tensor }, { q, k, v, probe }: Columns, shares: Shares) {
  const { state, start, momentum, end } = shares;
  const [ofS, ofM] = start.split(-2, [1, 1]) as [Tensor, Tensor];
  const read = (x: Tensor, part: (of: Tensor) => Tensor) => S.matmul(x.mul(part(ofS))).add(M.matmul(x.mul(part(ofM))));
  // state[t, s] is what is left of u_s in S after t: in S_{t−1} it is the row above.
  const above = state.slice(-2, 0, -1).pad(-2, 1, 0);
  const scores = probe.matmul(k, { transA: true }).mul(above);
  const before = read(probe, (of) => of.slice(-1, 0, -1));
  const errors = v.sub(before).matmul(unitLowerInverse(scores), { transB: true });
  const inside = errors.matmul(q.matmul(k, { transA: true }).mul(state), { transB: true });
  const written = (share: Tensor) => errors.mul(share).matmul(k, { transB: true });
  const [lastS, lastM] = [ofS.slice(-1, -1), ofM.slice(-1, -1)];
  const nextS = S.mul(lastS)
    .add(M.mul(lastM))
    .add(written(state.slice(-2, -1)));
  const nextM = M.mul(end).add(written(momentum));
  return { states: [nextS, nextM], ys: [read(q, (of) => of.slice(-1, 1)).add(inside)] };
}

/** Chunks [c, B, H, features, L], and how much of what is left at each time. */
function prepared(input: MomentumInput, length: number) {
  const split = (x: Tensor) => splitChunks(x, length);
  const [logDecay, logMomentum, rate] = [input.logDecay_HBT, input.logMomentum_HBT, input.rate_HBT].map(split) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const [a, m] = [logDecay.cumsum(-1), logMomentum.cumsum(-1)];
  // S_t = Σ_j α(t, j) β_j M_j and M_j = Σ_s μ(j, s) u_s (η_s k_s)ᵀ.
  const fromMomentum = decayMatrix(a).mul(rate.unsqueeze(-2));
  const state = fromMomentum.matmul(decayMatrix(m));
  const ofM = fromMomentum.matmul(m.exp().unsqueeze(-1)).swap(-1, -2);
  const one = constant([1], [1]).expand([...a.shape.slice(0, -1), 1, 1]);
  const ofS = a
    .exp()
    .unsqueeze(-2)
    .pad(-1, 1, 0)
    .add(one.pad(-1, 0, length));
  const weights = {
    state,
    /** [c, B, H, 2, L + 1]: of S and of M from before the chunk in S, before its first time and after each. */
    start: ofS.pad(-2, 0, 1).add(ofM.pad(-1, 1, 0).pad(-2, 1, 0)),
    /** Of u_s in M at the chunk's end, and of the earlier M. */
    momentum: m.slice(-1, -1).sub(m).exp().unsqueeze(-2),
    end: m.slice(-1, -1).exp().unsqueeze(-1),
  };
  return {
    q: split(input.q_HKBT),
    k: split(input.k_HKBT),
    v: split(input.v_HVBT),
    probe: split(input.probe_HKBT),
    weights,
  };
}

/** One time by the recurrence itself: columns with T = 1. */
export function momentumDeltaStep(input: MomentumInput & { s: MomentumState }): MomentumResult {
  const row = (x: Tensor) => x.squeeze(-1).transpose([2, 0, 1]).unsqueeze(2);
  const scale = (x: Tensor) => x.squeeze(-1).transpose([1, 0]).unsqueeze(2).unsqueeze(3);
  const { S_BHVK, M_BHVK } = input.s;
  const value = input.v_HVBT.squeeze(-1).transpose([2, 0, 1]).unsqueeze(3);
  const error = value.sub(S_BHVK.mul(row(input.probe_HKBT)).sum(-1, true));
  const M = M_BHVK.mul(scale(input.logMomentum_HBT).exp()).add(error.mul(row(input.k_HKBT)));
  const S = S_BHVK.mul(scale(input.logDecay_HBT).exp()).add(M.mul(scale(input.rate_HBT)));
  const o = S.mul(row(input.q_HKBT)).sum(-1);
  return { o_HVBT: o.transpose([1, 2, 0]).unsqueeze(-1), s: { S_BHVK: S, M_BHVK: M } };
}
