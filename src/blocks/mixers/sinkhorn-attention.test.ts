import { expect, test } from "vitest";
import { ones } from "../../tensor/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments, randomNormal, run } from "../../testing/index.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";
import { sinkhornAttention, sinkhornMix } from "./sinkhorn-attention.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof sinkhornAttention.config.parse>,
  ReturnType<typeof sinkhornAttention.dims>
>;
type Rows = number[][];

function naive({ x, p: given, c, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const y = x.map((tokens) => {
    const columns = tokens.map((token) => cut(times(token, p.qkv!), 3 * d.H));
    const heads = range(d.H).map((h) =>
      headOf(
        columns.map((row) => [row[h]!, row[d.H + h]!, row[2 * d.H + h]!]),
        c,
      ),
    );
    return tokens.map((_, t) =>
      times(
        heads.flatMap((head) => head[t]!),
        p.out!,
      ),
    );
  });
  return { y };
}

/** One head: rows of q, k, v. */
function headOf(rows: Rows[], c: At["c"]): Rows {
  const K = rows[0]![0]!.length;
  const buckets = range(Math.ceil(rows.length / c.bucket)).map((n) => rows.slice(n * c.bucket, (n + 1) * c.bucket));
  const mean = (all: Rows[], part: number) => range(K).map((i) => sum(all.map((row) => row[part]![i]!)) / all.length);
  const shares =
    c.sortcut === undefined
      ? permutation(
          buckets.map((own) => buckets.map((other) => dot(mean(own, 0), mean(other, 1)) / Math.sqrt(K))),
          c,
        )
      : undefined;
  const cuts = shortcuts(
    buckets.map((other) => dot(mean(rows, 0), mean(other, 1)) / Math.sqrt(K)),
    c.sortcut ?? 0,
  );
  return rows.map((row, t) => {
    const n = Math.floor(t / c.bucket);
    const slots = shares ? [shares[n]!] : cuts;
    const placed = slots.flatMap((share) =>
      range(c.bucket)
        .filter((m) => buckets.some((bucket, j) => share[j]! > 0 && bucket[m]))
        .map((m) =>
          [1, 2].map((part) =>
            range(K).map((i) => sum(buckets.map((bucket, j) => share[j]! * (bucket[m]?.[part]?.[i] ?? 0)))),
          ),
        ),
    );
    const keys = [...placed, ...buckets[n]!.map((own) => own.slice(1))] as [number[], number[]][];
    const weights = keys.map(([k]) => Math.exp(dot(row[0]!, k) / Math.sqrt(K)));
    return range(K).map((i) => sum(keys.map(([, v], j) => weights[j]! * v[i]!)) / sum(weights));
  });
}

function permutation(logits: Rows, { iterations, temperature }: Pick<At["c"], "iterations" | "temperature">): Rows {
  let P = logits.map((row) => row.map((value) => Math.exp(value / temperature)));
  for (let i = 0; i < iterations; i++) {
    P = P.map((row) => row.map((value) => value / sum(row)));
    const columns = P.map((_, j) => sum(P.map((row) => row[j]!)));
    P = P.map((row) => row.map((value, j) => value / columns[j]!));
  }
  return P;
}

function shortcuts(logits: number[], count: number): Rows {
  const left = [...logits];
  return range(Math.min(count, logits.length)).map(() => {
    const best = left.indexOf(Math.max(...left));
    const share = Math.exp(left[best]!) / sum(left.map(Math.exp));
    left[best] = Number.NEGATIVE_INFINITY;
    return logits.map((_, j) => (j === best ? share : 0));
  });
}

mixerSuite(sinkhornAttention, {
  configs: [
    { heads: 2, bucket: 2, iterations: 3 },
    { heads: 2, bucket: 4, sortcut: 1 },
    { heads: 1, bucket: 2, sortcut: 2 },
  ],
  width: 8,
  naive: naive as never,
});

test("[sinkhorn-attention] rows and columns tend to sum to 1, and one bucket of all tokens is attention to each key twice", () => {
  const logits = range(5).map((i) => Array.from(randomNormal(`logits ${i}`, [5], 2).data));
  const error = (iterations: number) => {
    const P = permutation(logits, { iterations, temperature: 1 });
    return Math.max(
      ...P.map((row, i) => Math.max(Math.abs(sum(row) - 1), Math.abs(sum(P.map((other) => other[i]!)) - 1))),
    );
  };
  expect(error(50)).toBeLessThan(1e-4);
  expect(error(50)).toBeLessThan(error(2));
  // The only permutation of one bucket is the identity: its keys stand there twice, which changes no weight's share.
  const [T, K] = [6, 4];
  const inputs = Object.fromEntries(["q", "k", "v"].map((name) => [name, randomNormal(name, [1, 1, T, K])]));
  const { ours, full } = run({
    inputs,
    build: ({ q, k, v }) => ({
      ours: sinkhornMix({ q: q!, k: k!, v: v!, real_BT: ones([1, T]) }, sinkhornAttention.config.parse({ bucket: T })),
      full: q!
        .matmul(k!, { transB: true, alpha: K ** -0.5 })
        .softmax(-1)
        .matmul(v!),
    }),
  });
  expect(ours!).toBeAllclose(full!, { tolerance: 1e-10 });
});

test("[sinkhorn-attention] where every bucket is put beside itself it is attention within chunks", () => {
  const [T, K, bucket] = [6, 4, 3];
  // Keys of a bucket share one direction of their own, queries ask for it: the permutation is the identity.
  const along = (n: number) => range(T * K).map((i) => (i % K === Math.floor(i / K / bucket) ? n : 0));
  const noise = randomNormal("noise", [1, 1, T, K], 0.3);
  const towards = { shape: noise.shape, data: noise.data.map((value, i) => value + along(9)[i]!) };
  const { ours, chunked } = run({
    inputs: { q: towards, k: towards, v: randomNormal("v", [1, 1, T, K]) },
    build: ({ q, k, v }) => {
      const c = sinkhornAttention.config.parse({ bucket, temperature: 0.1, iterations: 20 });
      const blocks = (x: typeof q) => x!.reshape([2, 1, bucket, K]);
      return {
        ours: sinkhornMix({ q: q!, k: k!, v: v!, real_BT: ones([1, T]) }, c),
        chunked: blocks(q)
          .matmul(blocks(k), { transB: true, alpha: K ** -0.5 })
          .softmax(-1)
          .matmul(blocks(v))
          .reshape([1, 1, T, K]),
      };
    },
  });
  expect(ours!).toBeAllclose(chunked!, { tolerance: 1e-6 });
});
