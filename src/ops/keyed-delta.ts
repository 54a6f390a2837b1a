import { concat, constant, linearAttention, scan, type Tensor, unitLowerInverse, zeros } from "../tensor/index.ts";
import type { DecayScanResult } from "./decay-scan.ts";
import { addFromChunk, mostUnrolled, stackSome } from "./decay-scan-chunks.ts";
import { joinChunks, splitChunks } from "./decay-scan-layout.ts";

/**
 * The generalised delta rule with a decay per key feature: S_t = S_{t−1} diag(a_t) + u_t b_tᵀ + v_t k_tᵀ, o_t = S_t q_t, where
 * u_t = S_{t−1} p_t, or S_{t−1} diag(a_t) p_t (RWKV-7, Peng et al. 2025, eq. 17; KDA, Kimi Team 2025, eq. 1).
 * Axes: H heads, K key width, V value width, B batch, T time, c chunks, L times of a chunk; columns […, B, T].
 */
export interface KeyedDeltaInput {
  q_HKBT: Tensor;
  k_HKBT: Tensor;
  v_HVBT: Tensor;
  /** p: what is read of the state before it changes. */
  probe_HKBT: Tensor;
  /** b: where that is put back. */
  back_HKBT: Tensor;
  /** Whether the state is probed before or after it decays. */
  probes: "before-decay" | "after-decay";
  /** log a ≤ 0. */
  logDecay_HKBT: Tensor;
  /**
   * Whether log a times `chunk` stays above −80. Decays between two times are then factored, and all is products; if not,
   * scores within a chunk are summed elementwise.
   */
  bounded: boolean;
  /** Absent means 0. */
  S_BHVK?: Tensor | undefined;
  /** Times per chunk: it changes rounding and speed only. */
  chunk?: number;
}

/** All times at once. With U the values u of a chunk, U = S₀ p̃ + v A_kᵀ + U A_bᵀ is solved by the inverse of I − A_b. */
export function keyedDelta(input: KeyedDeltaInput): DecayScanResult {
  const time = input.v_HVBT.dim(-1);
  const length = Math.min(input.chunk ?? 16, time);
  const parts = splitInput(input, length);
  const { v, q, k, probe, back, probedAt, upTo } = parts;
  const scores = input.bounded ? factoredScores(parts) : elementwiseScores(parts);
  const [probed, read] = scores.split(-2, [length, length]) as [Tensor, Tensor];
  const [probedBack, probedKeys] = probed.split(-1, [length, length]) as [Tensor, Tensor];
  const inverse = unitLowerInverse(probedBack.neg());
  const left = upTo.slice(-1, -1).sub(upTo).exp();
  const { first, starts, updates, end } = runChunks({
    fresh: v.matmul(inverse.matmul(probedKeys), { transB: true }),
    probe: probe.mul(probedAt.exp()).matmul(inverse, { transB: true }),
    back: back.mul(left),
    added: v.matmul(k.mul(left), { transB: true }),
    decay: upTo.slice(-1, -1).exp().swap(-1, -2),
    start: input.S_BHVK,
  });
  const inside = concat(-1, [updates, v]).matmul(read, { transB: true });
  const carried = starts?.matmul(q.mul(upTo.exp()).slice(0, first));
  return { o_HVBT: joinChunks(addFromChunk(inside, carried, first), time), S_BHVK: end };
}

/** One time by the recurrence itself: columns with T = 1. */
export function keyedDeltaStep(input: KeyedDeltaInput): DecayScanResult {
  const row = (x: Tensor) => x.squeeze(-1).transpose([2, 0, 1]).unsqueeze(-2);
  const before = input.S_BHVK;
  const written = input.v_HVBT.squeeze(-1).transpose([2, 0, 1]).unsqueeze(-1).mul(row(input.k_HKBT));
  const decayed = before?.mul(row(input.logDecay_HKBT).exp());
  const probed = (input.probes === "before-decay" ? before : decayed)?.mul(row(input.probe_HKBT)).sum(-1, true);
  const S = decayed && probed ? decayed.add(probed.mul(row(input.back_HKBT))).add(written) : written;
  return { o_HVBT: S.mul(row(input.q_HKBT)).sum(-1).transpose([1, 2, 0]).unsqueeze(-1), S_BHVK: S };
}

/**
 * The delta rule with a decay per key feature: S_t = S_{t−1} diag(a_t) (I − β_t k_t k_tᵀ) + β_t v_t k_tᵀ (Kimi Team 2025,
 * eq. 1). Axes as in {@link KeyedDeltaInput}.
 */
export interface KeyedDeltaRuleInput
  extends Pick<KeyedDeltaInput, "q_HKBT" | "k_HKBT" | "v_HVBT" | "logDecay_HKBT" | "bounded" | "S_BHVK" | "chunk"> {
  beta_HBT: Tensor;
}

/** All times at once. */
export function keyedDeltaRule({
  q_HKBT,
  k_HKBT,
  v_HVBT,
  logDecay_HKBT,
  beta_HBT,
  S_BHVK,
  ...how
}: KeyedDeltaRuleInput): DecayScanResult {
  const given = { q_GKBT: q_HKBT, k_GKBT: k_HKBT, v_HVBT, state: S_BHVK, logDecay: logDecay_HKBT, beta: beta_HBT };
  return linearAttention(given, ({ q_GKBT: q, k_GKBT: k, v_HVBT: v, state, logDecay, beta }) =>
    keyedDelta(
      asProbes({ q_HKBT: q, k_HKBT: k, v_HVBT: v, logDecay_HKBT: logDecay!, beta_HBT: beta!, S_BHVK: state, ...how }),
    ),
  );
}

/** One time by the recurrence itself: columns with T = 1. */
export const keyedDeltaRuleStep = (input: KeyedDeltaRuleInput): DecayScanResult => keyedDeltaStep(asProbes(input));

/** The state is probed by k after it decayed; what is found there is taken back, and v written, with strength β. */
function asProbes({ beta_HBT, ...input }: KeyedDeltaRuleInput): KeyedDeltaInput {
  const written = input.k_HKBT.mul(beta_HBT.unsqueeze(1));
  return { ...input, k_HKBT: written, probe_HKBT: input.k_HKBT, back_HKBT: written.neg(), probes: "after-decay" };
}

/** Chunks [c, B, H, features, L], and log-decays since the chunk's start. */
interface Chunks {
  q: Tensor;
  k: Tensor;
  v: Tensor;
  probe: Tensor;
  back: Tensor;
  /** Up to each time, its own decay included. */
  upTo: Tensor;
  /** Up to where each time probes. */
  probedAt: Tensor;
}

function splitInput(input: KeyedDeltaInput, length: number): Chunks {
  const split = (x: Tensor) => splitChunks(x, length);
  const logDecay = split(input.logDecay_HKBT);
  const upTo = logDecay.matmul(triangle(length, length, (row, column) => (row <= column ? 1 : 0)));
  return {
    q: split(input.q_HKBT),
    k: split(input.k_HKBT),
    v: split(input.v_HVBT),
    probe: split(input.probe_HKBT),
    back: split(input.back_HKBT),
    upTo,
    probedAt: input.probes === "before-decay" ? upTo.sub(logDecay) : upTo,
  };
}

/** Rows: probes, then queries; columns: `back` of earlier times, then keys; [c, B, H, 2L, 2L]. */
function factoredScores({ q, k, probe, back, probedAt, upTo }: Chunks): Tensor {
  const growth = upTo.neg().exp();
  const rows = concat(-1, [probe.mul(probedAt.exp()), q.mul(upTo.exp())]);
  const columns = concat(-1, [back.mul(growth), k.mul(growth)]);
  const length = q.dim(-1);
  const mask = triangle(2 * length, 2 * length, (row, column) => (open(row, column, length) ? 1 : 0));
  return rows.matmul(columns, { transA: true }).mul(mask);
}

/** exp of this is 0 in f32 and f64 whatever finite sum of log-decays it is added to. */
const closed = -1e30;

/** The same for decays of any size: the mask goes in before exp. */
function elementwiseScores({ q, k, probe, back, probedAt, upTo }: Chunks): Tensor {
  const length = q.dim(-1);
  const mask = triangle(2 * length, length, (row, column) => (open(row, column, length) ? 0 : closed));
  const decay = concat(-1, [probedAt, upTo]).unsqueeze(-1).add(upTo.neg().unsqueeze(-2)).add(mask).exp();
  const rows = decay.mul(concat(-1, [probe, q]).unsqueeze(-1));
  return concat(
    -1,
    [back, k].map((column) => rows.mul(column.unsqueeze(-2)).sum(-3)),
  );
}

/** A probe sees what earlier times wrote, a query also what its own time wrote. */
function open(row: number, column: number, length: number): boolean {
  const source = column % length;
  return row < length ? source < row : source <= row - length;
}

function triangle(rows: number, columns: number, entry: (row: number, column: number) => number): Tensor {
  return constant(
    Array.from({ length: rows * columns }, (_, i) => entry(Math.floor(i / columns), i % columns)),
    [rows, columns],
  );
}

/** What runs over chunks, each [c, B, H, …]: U = fresh + S probe, S ← S·decay + U backᵀ + added. */
interface ChunkUpdates {
  /** [V, L]. */
  fresh: Tensor;
  /** [K, L]. */
  probe: Tensor;
  /** [K, L]. */
  back: Tensor;
  /** [V, K]. */
  added: Tensor;
  /** [1, K]. */
  decay: Tensor;
  /** [B, H, V, K], absent where it is zero. */
  start: Tensor | undefined;
}

interface Updated {
  first: number;
  /** States at the starts of the chunks from `first` on; undefined where there are none. */
  starts: Tensor | undefined;
  /** U of every chunk. */
  updates: Tensor;
  end: Tensor;
}

const runChunks = (chunks: ChunkUpdates): Updated =>
  chunks.fresh.dim(0) <= mostUnrolled ? runUnrolled(chunks) : runScan(chunks);

function update(S: Tensor | undefined, now: Omit<ChunkUpdates, "start">): { u: Tensor; S: Tensor } {
  const u = S ? now.fresh.add(S.matmul(now.probe)) : now.fresh;
  const written = u.matmul(now.back, { transB: true }).add(now.added);
  return { u, S: S ? S.mul(now.decay).add(written) : written };
}

function runUnrolled({ fresh, probe, back, added, decay, start }: ChunkUpdates): Updated {
  const states: Tensor[] = start ? [start] : [];
  const updates: Tensor[] = [];
  for (let i = 0; i < fresh.dim(0); i++) {
    const { u, S } = update(states.at(-1), {
      fresh: fresh.at(0, i),
      probe: probe.at(0, i),
      back: back.at(0, i),
      added: added.at(0, i),
      decay: decay.at(0, i),
    });
    states.push(S);
    updates.push(u);
  }
  return {
    first: start ? 0 : 1,
    starts: stackSome(states.slice(0, -1)),
    updates: stackSome(updates)!,
    end: states.at(-1)!,
  };
}

function runScan({ fresh, probe, back, added, decay, start }: ChunkUpdates): Updated {
  const { states, ys } = scan({
    init: [start ?? zeros(added.shape.slice(1))],
    xs: [fresh, probe, back, added, decay],
    step: ([before], [f, p, b, a, d]) => {
      const { u, S } = update(before, { fresh: f!, probe: p!, back: b!, added: a!, decay: d! });
      return { states: [S], ys: [before!, u] };
    },
  });
  return { first: 0, starts: ys[0]!, updates: ys[1]!, end: states[0]! };
}
