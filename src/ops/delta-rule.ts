import { constant, linearAttention, scan, type Tensor, unitLowerInverse, zeros } from "../tensor/index.ts";
import { grouped, stepLayout, stepResult } from "./decay-scan.ts";
import {
  addFromChunk,
  type ChunkDecays,
  chunkDecays,
  fromChunk,
  mostUnrolled,
  scaled,
  stackSome,
} from "./decay-scan-chunks.ts";
import { joinChunks, splitChunks } from "./decay-scan-layout.ts";

/**
 * The (gated) delta rule, decay before delta: S_t = a_t S_{t−1} + β_t (v_t − a_t S_{t−1} k_t) k_tᵀ, o_t = S_t q_t
 * (Yang et al. 2024, eq. 10; a = 1: Schlag et al. 2021). Stable for β |k|² in [0, 2].
 * Axes: G key groups, H = G·R heads (head h reads group ⌊h/R⌋), K key width, V value width, B batch, T time; columns […, B, T].
 */
export interface DeltaRuleInput {
  q_GKBT: Tensor;
  k_GKBT: Tensor;
  v_HVBT: Tensor;
  beta_HBT: Tensor;
  /** What is read of the state before it is written, where that is not k: p in v_t − a_t S_{t−1} p_t. */
  probe_GKBT?: Tensor | undefined;
  /** Whether the state is probed before or after it decays (default: after); before, it reads S_{t−1} p_t. */
  probes?: "before-decay" | "after-decay";
  /** log a ≤ 0, [H, B, T]; absent means a = 1. Sums over a chunk must be finite in f32. */
  logDecay_HBT?: Tensor | undefined;
  /** Absent means 0. */
  S_BHVK?: Tensor | undefined;
  /** Times per chunk (it changes rounding and speed only). */
  chunk?: number;
}

export interface DeltaRuleResult {
  o_HVBT: Tensor;
  /** After the last time. */
  S_BHVK: Tensor;
}

/** All times at once. */
export function deltaRule(input: DeltaRuleInput): DeltaRuleResult {
  if (input.probe_GKBT ?? input.probes === "before-decay") return chunkedDeltaRule(input);
  const { q_GKBT, k_GKBT, v_HVBT, S_BHVK, logDecay_HBT, beta_HBT, chunk } = input;
  const given = { q_GKBT, k_GKBT, v_HVBT, state: S_BHVK, logDecay: logDecay_HBT, beta: beta_HBT };
  return linearAttention(given, ({ state, logDecay, beta, ...at }) =>
    chunkedDeltaRule({ ...at, S_BHVK: state, logDecay_HBT: logDecay, beta_HBT: beta!, ...(chunk && { chunk }) }),
  );
}

/**
 * By the UT transform (Yang et al. 2024, section 3.3): with A the strict lower part of
 * β_i k_i·k_j a_{j+1}…a_i, the written values of a chunk are U = (v − S₀ γk) β (I + A)⁻ᵀ, and the rest is a decay scan over U.
 */
function chunkedDeltaRule(input: DeltaRuleInput): DeltaRuleResult {
  const { v_HVBT, S_BHVK, chunk = 64 } = input;
  const time = v_HVBT.dim(-1);
  const length = Math.min(chunk, time);
  const { q, k, probe, v, beta, logDecay } = splitInput(input, length);
  const decays = chunkDecays({ logDecay }, length);
  const probed = input.probes === "before-decay" && logDecay ? decaysBefore(logDecay) : decays;
  const keys = probe.mul(beta);
  const inverse = unitLowerInverse(keys.matmul(k, { transA: true }).mul(probed.within));
  const { first, starts, written, end } = writeChunks({
    fresh: v.mul(beta).matmul(inverse, { transB: true }),
    erased: scaled(keys, probed.fromStart).matmul(inverse, { transB: true }),
    stored: scaled(k, decays.toEnd),
    decay: decays.logTotal?.exp(),
    start: S_BHVK?.reshape([S_BHVK.dim(0), ...v.shape.slice(2, 4), ...S_BHVK.shape.slice(2)]),
  });
  const inside = written.matmul(q.matmul(k, { transA: true }).mul(decays.within), { transB: true });
  const carried = starts && scaled(starts.matmul(q.slice(0, first)), fromChunk(decays.fromStart, first));
  const o = joinChunks(addFromChunk(inside, carried, first), time);
  return { o_HVBT: o.reshape(v_HVBT.shape), S_BHVK: end.reshape([end.dim(0), v_HVBT.dim(0), ...end.shape.slice(-2)]) };
}

/** exp of this is 0 in f32 and f64 whatever finite sum of log-decays it is added to. */
const closed = -1e30;

/** From the chunk's start, and from the writing of each earlier time, to just before each time's own decay. */
function decaysBefore(logDecay: Tensor): Pick<ChunkDecays, "within" | "fromStart"> {
  const length = logDecay.dim(-1);
  const cum = logDecay.cumsum(-1);
  const before = cum.sub(logDecay);
  const earlier = constant(
    Array.from({ length: length * length }, (_, i) => (i % length < Math.floor(i / length) ? 0 : closed)),
    [length, length],
  );
  return {
    within: before.unsqueeze(-1).add(cum.neg().unsqueeze(-2)).add(earlier).exp(),
    fromStart: before.exp().unsqueeze(-2),
  };
}

/** One time by the recurrence itself: columns with T = 1. */
export function deltaStep(input: DeltaRuleInput): DeltaRuleResult {
  const { q_GKBT, k_GKBT, v_HVBT, beta_HBT, logDecay_HBT, S_BHVK } = input;
  const { key, perHead, perState } = stepLayout(k_GKBT, v_HVBT);
  const kept = S_BHVK && scaled(perState(S_BHVK), logDecay_HBT && perHead(logDecay_HBT).exp());
  const probed = input.probes === "before-decay" ? S_BHVK && perState(S_BHVK) : kept;
  const stored = probed?.mul(key(input.probe_GKBT ?? k_GKBT)).sum(-1, true);
  const error = stored ? perHead(v_HVBT).sub(stored) : perHead(v_HVBT);
  const added = error.mul(perHead(beta_HBT)).mul(key(k_GKBT));
  const S = kept ? kept.add(added) : added;
  return stepResult(S, S.mul(key(q_GKBT)).sum(-1), v_HVBT);
}

/** Chunks [c, B, G, R, features, L]; keys and queries have R = 1, so that all heads of a group read them. */
function splitInput({ q_GKBT, k_GKBT, probe_GKBT, v_HVBT, beta_HBT, logDecay_HBT }: DeltaRuleInput, length: number) {
  const split = (x: Tensor) => splitChunks(grouped(x, k_GKBT), length);
  const k = splitChunks(k_GKBT, length).unsqueeze(3);
  return {
    q: splitChunks(q_GKBT, length).unsqueeze(3),
    k,
    probe: probe_GKBT ? splitChunks(probe_GKBT, length).unsqueeze(3) : k,
    v: split(v_HVBT),
    beta: split(beta_HBT).unsqueeze(-2),
    logDecay: logDecay_HBT && split(logDecay_HBT),
  };
}

/** What runs over chunks, each [c, B, G, R, …]: U = fresh − S erased, S ← decay·S + U storedᵀ. */
interface Writes {
  /** [V, L]. */
  fresh: Tensor;
  /** [K, L]. */
  erased: Tensor;
  /** [K, L]. */
  stored: Tensor;
  /** [1, 1], absent where nothing decays. */
  decay: Tensor | undefined;
  /** [B, G, R, V, K], absent where it is zero. */
  start: Tensor | undefined;
}

interface Written {
  first: number;
  /** States at the starts of the chunks from `first` on; undefined where there are none. */
  starts: Tensor | undefined;
  /** U of every chunk. */
  written: Tensor;
  end: Tensor;
}

function writeChunks(writes: Writes): Written {
  return writes.fresh.dim(0) <= mostUnrolled ? writeUnrolled(writes) : writeByScan(writes);
}

function writeUnrolled({ fresh, erased, stored, decay, start }: Writes): Written {
  const states: Tensor[] = start ? [start] : [];
  const written: Tensor[] = [];
  for (let chunk = 0; chunk < fresh.dim(0); chunk++) {
    const before = states.at(-1);
    const u = before ? fresh.at(0, chunk).sub(before.matmul(erased.at(0, chunk))) : fresh.at(0, chunk);
    const added = u.matmul(stored.at(0, chunk), { transB: true });
    states.push(before ? scaled(before, decay?.at(0, chunk)).add(added) : added);
    written.push(u);
  }
  return {
    first: start ? 0 : 1,
    starts: stackSome(states.slice(0, -1)),
    written: stackSome(written)!,
    end: states.at(-1)!,
  };
}

function writeByScan({ fresh, erased, stored, decay, start }: Writes): Written {
  const { states, ys } = scan({
    init: [start ?? zeros([...fresh.shape.slice(1, -1), stored.dim(-2)])],
    xs: [fresh, erased, stored, ...(decay ? [decay] : [])],
    step: ([before], [freshNow, erasedNow, storedNow, decayNow]) => {
      const u = freshNow!.sub(before!.matmul(erasedNow!));
      return { states: [scaled(before!, decayNow).add(u.matmul(storedNow!, { transB: true }))], ys: [before!, u] };
    },
  });
  return { first: 0, starts: ys[0]!, written: ys[1]!, end: states[0]! };
}
