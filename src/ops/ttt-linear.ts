/**
 * Test-time training of a linear map (Sun et al. 2024, section 2): every mini-batch of L tokens takes one gradient step of
 * ½ |LN(k W + b)·γ + β − (v − k)|² on (W, b); a token reads the map as its own and earlier tokens of the mini-batch move it.
 * Axes: H heads, K features (keys and values alike), B batch, T time, n mini-batches of L tokens; columns […, B, T].
 */
import { constant, iota, scan, type Tensor, where, zeros } from "../tensor/index.ts";
import { alignLeft } from "./align-left.ts";
import { splitChunks } from "./decay-scan-layout.ts";

export interface TttInput {
  q_HKBT: Tensor;
  k_HKBT: Tensor;
  v_HKBT: Tensor;
  /** Inner learning rates. */
  rate_HBT: Tensor;
  norm: InnerNorm;
  /** L, tokens a gradient step. */
  miniBatch: number;
  /** Absent means a zero map before the first token. */
  s?: TttState | undefined;
  /** bool, true at real tokens, which must be consecutive. */
  mask_BT?: Tensor | undefined;
}

interface InnerNorm {
  gain_HK: Tensor;
  offset_HK: Tensor;
  epsilon: number;
}

/** The map, and what the unfinished mini-batch has gathered: Σ k Gᵀ, Σ G, and how many tokens that are (f32). */
export interface TttState {
  W_BHKK: Tensor;
  b_BHK: Tensor;
  moved_BHKK: Tensor;
  movedBias_BHK: Tensor;
  count_B1: Tensor;
}

export interface TttResult {
  o_HKBT: Tensor;
  s: TttState;
}

/** Inner norm against [.., K, L]. */
const perFeature = ({ gain_HK, offset_HK, epsilon }: InnerNorm) => ({
  gain: gain_HK.unsqueeze(-1),
  offset: offset_HK.unsqueeze(-1),
  epsilon,
});
type FeatureNorm = ReturnType<typeof perFeature>;

/** x less its mean over features, divided by its deviation, and the reciprocal of that. */
function normalised(x: Tensor, epsilon: number) {
  const centred = x.sub(x.mean(-2, true));
  const inverse = centred.square().mean(-2, true).add(epsilon).sqrt().reciprocal();
  return { x: centred.mul(inverse), inverse };
}

/** ∂ ½ |LN(y) γ + β − target|² / ∂y. */
function innerGradient(y: Tensor, target: Tensor, { gain, offset, epsilon }: FeatureNorm): Tensor {
  const normed = normalised(y, epsilon);
  const d = normed.x.mul(gain).add(offset).sub(target).mul(gain);
  const along = normed.x.mul(d.mul(normed.x).mean(-2, true));
  return d.sub(d.mean(-2, true)).sub(along).mul(normed.inverse);
}

/** What a token reads, with its normalised form added. */
const output = (read: Tensor, { gain, offset, epsilon }: FeatureNorm): Tensor =>
  read.add(normalised(read, epsilon).x.mul(gain).add(offset));

/** All times at once within mini-batches, which follow one after another. */
export function tttLinear(input: TttInput): TttResult {
  const { norm, miniBatch: L } = input;
  const place = placement(input);
  const norms = perFeature(norm);
  const split = (x: Tensor) => splitChunks(place.toSlots(x), L);
  const { states, ys } = scan({
    init: startOf(input),
    xs: [
      split(input.q_HKBT),
      split(input.k_HKBT),
      split(input.v_HKBT),
      split(input.rate_HBT).unsqueeze(-2),
      place.real,
      place.complete,
    ],
    step: (state, [query, key, value, rate, real, complete]) =>
      learnBatch(
        state,
        { query: query!, key: key!, value: value!, rate: rate!, real: real!, complete: complete! },
        norms,
      ),
  });
  const [W, b, moved, movedBias] = states as [Tensor, Tensor, Tensor, Tensor];
  return {
    o_HKBT: place.fromSlots(output(ys[0]!, norms)),
    s: {
      W_BHKK: W,
      b_BHK: b.squeeze(-1),
      moved_BHKK: moved,
      movedBias_BHK: movedBias.squeeze(-1),
      count_B1: place.count_B1,
    },
  };
}

/** W, b, Σ k Gᵀ, Σ G before the first mini-batch; b and Σ G as columns. */
function startOf({ q_HKBT, s }: TttInput): Tensor[] {
  const [H, K, B] = q_HKBT.shape as [number, number, number];
  if (s) return [s.W_BHKK, s.b_BHK.unsqueeze(-1), s.moved_BHKK, s.movedBias_BHK.unsqueeze(-1)];
  return [zeros([B, H, K, K]), zeros([B, H, K, 1]), zeros([B, H, K, K]), zeros([B, H, K, 1])];
}

/** A mini-batch's columns [B, H, K or 1, L]. */
interface MiniBatch {
  query: Tensor;
  key: Tensor;
  value: Tensor;
  rate: Tensor;
  /** 1 where there is a token. */
  real: Tensor;
  /** 1 where this is the end of a mini-batch. */
  complete: Tensor;
}

function learnBatch(state: readonly Tensor[], batch: MiniBatch, norms: FeatureNorm) {
  const [W, b, moved, movedBias] = state as [Tensor, Tensor, Tensor, Tensor];
  const { query, key, value, rate } = batch;
  const L = key.dim(-1);
  const seen = constant(
    Array.from({ length: L * L }, (_, i) => (Math.floor(i / L) <= i % L ? 1 : 0)),
    [L, L],
  );
  const G = innerGradient(W.matmul(key, { transA: true }).add(b), value.sub(key), norms).mul(batch.real);
  const scores = key.matmul(query, { transA: true }).add(1).mul(seen);
  const earlier = moved.matmul(query, { transA: true }).add(movedBias);
  const change = G.matmul(scores).add(earlier).mul(rate);
  const gathered = [moved.add(key.matmul(G, { transB: true })), movedBias.add(G.sum(-1, true))] as const;
  const closed = batch.complete.greater(0.5);
  const last = rate.slice(-1, -1);
  const next = [W, b].map((x, i) => where(closed, x.sub(gathered[i]!.mul(last)), x));
  const read = W.matmul(query, { transA: true }).add(b).sub(change);
  return { states: [...next, ...gathered.map((x) => where(closed, 0, x))], ys: [read] };
}

interface Placement {
  /** Columns [.., B, T] at their places in the mini-batches, [.., B, n·L]; 0 elsewhere. */
  toSlots: (x: Tensor) => Tensor;
  /** Of [n, B, H, K, L] those of the tokens, as columns. */
  fromSlots: (x: Tensor) => Tensor;
  /** f32 [n, B, 1, 1, L]: 1 where there is a token. */
  real: Tensor;
  /** f32 [n, B, 1, 1, 1]: 1 where a mini-batch ends complete. */
  complete: Tensor;
  /** Tokens in the last, incomplete mini-batch. */
  count_B1: Tensor;
}

/** Each sequence goes on where its mini-batch stands: token i lies `count` slots further. */
function placement({ q_HKBT, miniBatch: L, s, mask_BT }: TttInput): Placement {
  const [B, T] = [q_HKBT.dim(-2), q_HKBT.dim(-1)];
  const n = Math.ceil((s ? T + L - 1 : T) / L);
  const join = (x: Tensor) => x.transpose([2, 3, 1, 0, 4]).reshape([x.dim(2), x.dim(3), B, n * L]);
  const aligned = mask_BT && alignLeft(mask_BT);
  const from_B = s ? s.count_B1.squeeze(1).add(0.5).cast("i32") : zeros([B], "i32");
  const end_B = from_B.add(aligned ? aligned.lengths_B : T);
  const slot = iota(n * L);
  const index_BS = slot.sub(from_B.unsqueeze(1));
  const within_BS = index_BS.greaterEqual(0).and(slot.less(end_B.unsqueeze(1)));
  const ends = iota(n).add(1).mul(L).unsqueeze(1).lessEqual(end_B);
  const token_BT = iota(T).add(from_B.unsqueeze(1));
  return {
    toSlots: (x) => {
      const front = aligned ? aligned.toFront(x) : x;
      if (!s) return front.pad(-1, 0, n * L - T);
      const index = index_BS.maximum(0).minimum(T - 1);
      return where(within_BS, front.gatherElements(-1, index.expand([...x.shape.slice(0, -1), n * L])), 0);
    },
    fromSlots: (x) => {
      const slots = join(x);
      const shape = [...slots.shape.slice(0, -1), T];
      const front = s ? slots.gatherElements(-1, token_BT.expand(shape)) : slots.slice(-1, 0, T);
      return aligned ? aligned.toPlace(front) : front;
    },
    real: within_BS.cast("f32").reshape([B, n, L]).transpose([1, 0, 2]).reshape([n, B, 1, 1, L]),
    complete: ends.cast("f32").reshape([n, B, 1, 1, 1]),
    count_B1: end_B.mod(L).cast("f32").unsqueeze(1),
  };
}

/** One time by the recurrence itself: columns with T = 1. */
export function tttStep(input: TttInput & { s: TttState }): TttResult {
  const { miniBatch: L, s } = input;
  const norms = perFeature(input.norm);
  const row = (x: Tensor) => x.squeeze(-1).transpose([2, 0, 1]).unsqueeze(-1);
  const [q, k, v] = [row(input.q_HKBT), row(input.k_HKBT), row(input.v_HKBT)];
  const eta = input.rate_HBT.squeeze(-1).transpose([1, 0]).unsqueeze(-1).unsqueeze(-1);
  const bias = s.b_BHK.unsqueeze(-1);
  const G = innerGradient(s.W_BHKK.matmul(k, { transA: true }).add(bias), v.sub(k), norms);
  const moved = s.moved_BHKK.add(k.matmul(G, { transB: true }));
  const movedBias = s.movedBias_BHK.unsqueeze(-1).add(G);
  const change = moved.matmul(q, { transA: true }).add(movedBias).mul(eta);
  const read = s.W_BHKK.matmul(q, { transA: true }).add(bias).sub(change);
  const complete = s.count_B1.greater(L - 1.5).reshape([-1, 1, 1, 1]);
  const next = (x: Tensor, gathered: Tensor) => where(complete, x.sub(gathered.mul(eta)), x);
  const count = s.count_B1.add(1.5).cast("i32").mod(L).cast("f32");
  return {
    o_HKBT: output(read, norms).squeeze(-1).transpose([1, 2, 0]).unsqueeze(-1),
    s: {
      W_BHKK: next(s.W_BHKK, moved),
      b_BHK: next(bias, movedBias).squeeze(-1),
      moved_BHKK: where(complete, 0, moved),
      movedBias_BHK: where(complete, 0, movedBias).squeeze(-1),
      count_B1: count,
    },
  };
}
