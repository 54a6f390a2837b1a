/**
 * LSH attention: queries are their own keys, tokens are sorted by hashes of them, and each attends to tokens of its own hash in its
 * chunk of the sorted ones and the chunk before. Where chunks are cut depends on all tokens, later ones included.
 * Axes: B batch, T time (with padding to whole chunks), D model, H heads of K features, N chunks of M tokens.
 */
import { z } from "zod";
import { createRng, fnv1a } from "../../ops/index.ts";
import { concat, constant, iota, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  chunk: z.int().positive().default(32).describe("sorted tokens that attend to each other and to the chunk before"),
  buckets: z.int().positive().default(16).describe("hashes, an even number; 1: no hashing"),
  rounds: z.int().positive().default(2).describe("hashes tried, whose results are joined by their weight"),
  causal: z.boolean().default(false).describe("values of later tokens are not read, but for choosing their hashes are"),
  seed: z.int().min(0).default(0).describe("of the random directions that hash"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({
  D,
  H: c.heads,
  K: D / c.heads,
  directions: c.buckets === 1 ? 1 : c.buckets / 2,
});

export const reformer = defineMixer({
  kind: "reformer",
  title: "LSH attention (Reformer)",
  cite: { arxiv: "2001.04451", by: "Kitaev et al. 2020, section 2" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q, v = x W_q, x W_v  (per head);  k = q / |q|;  h(q) = argmax([q R; −q R]), R random",
    "tokens sorted by (h, t), cut in chunks;  P_t = {s : h_s = h_t, chunk(s) = chunk(t) or the one before}",
    "o_t = Σ_{s ∈ P_t} exp(q_t·k_s / √K − z_t) v_s,  z_t = log Σ;  itself only where there is nothing else",
    "y_t = Σ_rounds exp(z_t^r − log Σ_r e^{z_t^r}) o_t^r",
  ],
  config,
  dims,
  params: ({ D }) => ({ qv: matrix(D, 2 * D), out: matrix(D, D, { init: "residual" }) }),
  reads: ["mask_BT"],
  capabilities: ({ causal, buckets }) => ({
    flow: !causal ? "bidirectional" : buckets === 1 ? "causal" : "causal-values-only",
    state: "none",
    length: "any",
    batch: "independent",
    smooth: "away from ties",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const T = x_BTD.dim(1);
    const more = (c.chunk - (T % c.chunk)) % c.chunk;
    const real_BT = (io.mask_BT ?? iota(T).greaterEqual(0).unsqueeze(0)).cast("f32").pad(1, 0, more).greater(0);
    const [q, v] = splitHeads(linear(x_BTD, p.qv), 2 * d.H)
      .pad(2, 0, more)
      .split(1, [d.H, d.H]) as [Tensor, Tensor];
    const rounds = Array.from({ length: c.rounds }, (_, r) => round({ q, v, real_BT }, c, r));
    const y_BHTK = joined(rounds).slice(2, 0, T);
    return { y: linear(mergeHeads(y_BHTK), p.out), s: {} };
  },
});

/** Normal directions of one round, row-major [K, buckets / 2]. */
export function directionsOf({ seed, buckets }: Pick<C, "seed" | "buckets">, round: number, K: number): number[] {
  const rng = createRng(fnv1a(`reformer ${seed} ${round}`));
  const normal = () => Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
  return Array.from({ length: (K * buckets) / 2 }, normal);
}

interface Tokens {
  q: Tensor;
  v: Tensor;
  /** bool [B or 1, T]. */
  real_BT: Tensor;
}

interface Round {
  /** [B, H, T, K]. */
  o: Tensor;
  /** Logarithm of the sum of exponentials: [B, H, T, 1]. */
  z: Tensor;
}

function round({ q, v, real_BT }: Tokens, c: C, index: number): Round {
  const [B, H, T, K] = q.shape as [number, number, number, number];
  const hash_BHT = where(real_BT.unsqueeze(1).expand([B, H, T]), hashOf(q, c, index), c.buckets);
  // Sorted by hash, then by time: whole numbers, which f32 holds.
  const order = hash_BHT.mul(T).add(iota(T)).cast("f32").topk(-1, T, { largest: false }).indices;
  const rows = (x: Tensor) => x.gatherElements(2, order.unsqueeze(-1).expand([B, H, T, x.dim(3)]));
  const cut = (x: Tensor) => x.reshape([B, H, T / c.chunk, c.chunk, ...x.shape.slice(3)]);
  const [query, hash, time] = [cut(rows(q)), cut(hash_BHT.gatherElements(2, order)), cut(order)];
  const key = withBefore(query.div(query.square().sum(-1, true).maximum(1e-24).sqrt()), 0);
  const [otherHash, otherTime] = [withBefore(hash, -1).unsqueeze(3), withBefore(time, T).unsqueeze(3)];
  const seen = hash.unsqueeze(4).equal(otherHash);
  const visible = c.causal ? seen.and(otherTime.lessEqual(time.unsqueeze(4))) : seen;
  const scores = query.matmul(key, { transB: true, alpha: K ** -0.5 });
  const itself = where(time.unsqueeze(4).equal(otherTime), selfScore, scores);
  const masked = where(visible, itself, -1e30);
  const top = masked.max(-1, true).stopGradient();
  const weights = masked.sub(top).exp();
  const total = weights.sum(-1, true);
  const o = weights.div(total).matmul(withBefore(cut(rows(v)), 0));
  const back = order.cast("f32").topk(-1, T, { largest: false }).indices.unsqueeze(-1);
  const placed = (x: Tensor) => x.reshape([B, H, T, -1]).gatherElements(2, back.expand([B, H, T, x.dim(-1)]));
  return { o: placed(o), z: placed(total.log().add(top)) };
}

/** Below every other score, above those that are hidden. */
const selfScore = -1e5;

/** i32 [B, H, T]. */
function hashOf(q: Tensor, c: C, index: number): Tensor {
  if (c.buckets === 1) return q.at(-1, 0).mul(0).cast("i32");
  const K = q.dim(-1);
  const along = q.stopGradient().matmul(constant(directionsOf(c, index, K), [K, c.buckets / 2]));
  return concat(-1, [along, along.neg()]).argmax(-1);
}

/** Chunks [B, H, N, M, …] with the one before in front: [B, H, N, 2M, …]; before the first there is `nothing`. */
function withBefore(x: Tensor, nothing: number): Tensor {
  const none = x.slice(2, 0, 1).mul(0).add(nothing);
  const before = x.dim(2) === 1 ? none : concat(2, [none, x.slice(2, 0, -1)]);
  return concat(3, [before, x]);
}

function joined(rounds: readonly Round[]): Tensor {
  if (rounds.length === 1) return rounds[0]!.o;
  const weights = concat(
    -1,
    rounds.map(({ z }) => z),
  ).softmax(-1);
  return rounds.map(({ o }, r) => o.mul(weights.slice(-1, r, r + 1))).reduce((sum, o) => sum.add(o));
}
