import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { lightningAttention } from "./lightning-attention.ts";
import { cut, dot, matrixFrom, range, rms, sigmoid, silu, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof lightningAttention.config.parse>,
  ReturnType<typeof lightningAttention.dims>,
  ReturnType<typeof lightningAttention.params>
>;

/** MiniMax 2025, section 2.2, token by token. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Loose | undefined }) {
  const S = range(d.H).map((h) => matrixFrom(s?.[h], d.K, d.K));
  const y = x.map((x_t) => {
    const [q, k, v] = [p.q, p.k, p.v].map((W) => cut(times(x_t, W).map(silu), d.H)) as [
      number[][],
      number[][],
      number[][],
    ];
    const gate = times(x_t, p.gate).map(sigmoid);
    const o = range(d.H).flatMap((h) => {
      const kept = Math.exp(-(2 ** ((-8 * (h + 1)) / d.H)) * (1 - c.depth + 1e-5));
      S[h] = S[h]!.map((row, i) => row.map((value, j) => kept * value + v[h]![i]! * k[h]![j]!));
      return S[h]!.map((row) => dot(row, q[h]!));
    });
    return times(
      rms(o, c.epsilon).map((value, i) => value * p.norm[i]! * gate[i]!),
      p.out,
    );
  });
  return { y, S };
}

mixerSuite(lightningAttention, {
  configs: [{ heads: 2 }, { heads: 4, headSize: 3, depth: 0.5, epsilon: 0.1 }],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s?.S[b] }));
    return { y: results.map(({ y }) => y), s: { S: results.map(({ S }) => S) } };
  },
});
