/**
 * Sinkhorn attention: tokens attend to their own bucket and to one that a learned soft permutation puts beside it; or all to the
 * few buckets that matter most to the whole text (sortcut). Which, depends on all tokens.
 * Axes: B batch, T time, D model, H heads of K features, N buckets of M tokens.
 */
import { z } from "zod";
import { concat, iota, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  bucket: z.int().positive().default(32).describe("tokens a bucket"),
  iterations: z
    .int()
    .positive()
    .default(8)
    .describe("alternations that make the permutation's rows and columns sum to 1"),
  temperature: z.number().positive().default(0.75).describe("divides the permutation's logits: small is hard"),
  sortcut: z
    .int()
    .positive()
    .optional()
    .describe("buckets that all attend to, in place of a permutation (default: none)"),
});
type C = z.infer<typeof config>;

export const sinkhornAttention = defineMixer({
  kind: "sinkhorn-attention",
  title: "Sparse Sinkhorn attention",
  cite: { arxiv: "2002.11296", by: "Tay et al. 2020" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "R_ij = mean of q in bucket i · mean of k in bucket j / √K;  P = Sinkhorn(R / temperature)",
    "bucket i attends to itself and to Σ_j P_ij bucket_j (keys and values)",
    "sortcut: R_j = mean of all q · mean of k in bucket j / √K; the n largest, each times its share of the softmax over those left",
  ],
  config,
  dims: (c, D: number) => ({ D, H: c.heads, K: D / c.heads }),
  params: ({ D }) => ({ qkv: matrix(D, 3 * D), out: matrix(D, D, { init: "residual" }) }),
  reads: ["mask_BT"],
  capabilities: ({ sortcut }) => ({
    flow: "bidirectional",
    state: "none",
    length: "any",
    batch: "independent",
    smooth: sortcut === undefined ? "everywhere" : "away from ties",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const T = x_BTD.dim(1);
    const more = (c.bucket - (T % c.bucket)) % c.bucket;
    const real_BT = (io.mask_BT ?? iota(T).greaterEqual(0).unsqueeze(0)).cast("f32").pad(1, 0, more);
    const columns = splitHeads(linear(x_BTD, p.qkv), 3 * d.H).pad(2, 0, more);
    const [q, k, v] = columns.split(1, [d.H, d.H, d.H]) as [Tensor, Tensor, Tensor];
    const y_BHTK = sinkhornMix({ q, k, v, real_BT }, c);
    return { y: linear(mergeHeads(y_BHTK.slice(2, 0, T)), p.out), s: {} };
  },
});

interface Buckets {
  /** [B, H, T, K], T a multiple of the bucket. */
  q: Tensor;
  k: Tensor;
  v: Tensor;
  /** f32 [B or 1, T], 1 at real tokens. */
  real_BT: Tensor;
}

const hidden = -1e30;

/** Its mixing, of queries, keys and values. */
export function sinkhornMix({ q, k, v, real_BT }: Buckets, c: C): Tensor {
  const [B, H, T, K] = q.shape as [number, number, number, number];
  const N = T / c.bucket;
  const real = real_BT.reshape([real_BT.dim(0), 1, N, c.bucket, 1]);
  const cut = (x: Tensor) => x.reshape([B, H, N, c.bucket, K]).mul(real);
  const [qb, kb, vb] = [cut(q), cut(k), cut(v)];
  const counts = real.sum(3);
  const means = (x: Tensor) => x.sum(3).div(counts.maximum(1));
  const exists = counts.greater(0);
  const chosen =
    c.sortcut === undefined
      ? permuted(means(qb).matmul(means(kb), { transB: true, alpha: K ** -0.5 }), exists, c)
      : shortcuts(
          qb
            .sum([2, 3])
            .div(counts.sum(2))
            .unsqueeze(2)
            .matmul(means(kb), { transB: true, alpha: K ** -0.5 }),
          exists,
          c.sortcut,
        );
  return attendBuckets({ qb, kb, vb, real: real.expand([real.dim(0), 1, N, c.bucket, 1]) }, chosen).reshape([
    B,
    H,
    T,
    K,
  ]);
}

/** Buckets beside each bucket's own: shares [B, H, N or 1, slots, N], one slot or several. */
type Chosen = Tensor;

/** A matrix whose rows and columns sum to 1 nearly, in logarithms. Sinkhorn 1964. */
function permuted(logits_BHNN: Tensor, exists: Tensor, { iterations, temperature }: C): Chosen {
  const both = exists.and(exists.swap(-1, -2));
  const only = (x: Tensor) => where(both, x, hidden);
  const spread = (x: Tensor, axis: number) => {
    const top = x.max(axis, true).stopGradient();
    return only(x.sub(x.sub(top).exp().sum(axis, true).log().add(top)));
  };
  let logs = only(logits_BHNN.div(temperature));
  for (let i = 0; i < iterations; i++) logs = spread(spread(logs, -1), -2);
  return logs.exp().unsqueeze(3);
}

/** The largest columns one after the other; each takes its share of the softmax over those that are left. */
function shortcuts(logits_BH1N: Tensor, exists: Tensor, count: number): Chosen {
  const N = logits_BH1N.dim(-1);
  let left = where(exists.swap(-1, -2), logits_BH1N, hidden);
  const slots: Tensor[] = [];
  for (let i = 0; i < Math.min(count, N); i++) {
    const taken = iota(N).equal(left.argmax(-1).unsqueeze(-1));
    slots.push(where(taken, left.softmax(-1), 0));
    left = where(taken, hidden, left);
  }
  return concat(2, slots).unsqueeze(2);
}

function attendBuckets(
  { qb, kb, vb, real }: { qb: Tensor; kb: Tensor; vb: Tensor; real: Tensor },
  chosen: Chosen,
): Tensor {
  const [B, H, N, M, K] = qb.shape as [number, number, number, number, number];
  const [rows, slots] = [chosen.dim(2), chosen.dim(3)];
  const shares = chosen.reshape([B, H, rows * slots, N]);
  const gathered = (x: Tensor) =>
    shares
      .matmul(x.reshape([B, H, N, M * K]))
      .reshape([B, H, rows, slots * M, K])
      .expand([B, H, N, slots * M, K]);
  // A place of the bucket that is put here exists as far as real tokens are put in it.
  const seen = shares
    .matmul(real.reshape([real.dim(0), 1, N, M]))
    .reshape([B, H, rows, 1, slots * M])
    .expand([B, H, N, 1, slots * M]);
  const own = real.swap(-1, -2).expand([B, H, N, 1, M]);
  const visible = concat(-1, [seen, own]).greater(0);
  const keys = concat(3, [gathered(kb), kb]);
  const scores = qb.matmul(keys, { transB: true, alpha: K ** -0.5 });
  return where(visible, scores, hidden)
    .softmax(-1)
    .matmul(concat(3, [gathered(vb), vb]));
}
