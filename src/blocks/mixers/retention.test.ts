import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { cut, dot, matrixFrom, range, rms, silu, times } from "./mamba-naive.ts";
import { retention } from "./retention.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof retention.config.parse>,
  ReturnType<typeof retention.dims>,
  ReturnType<typeof retention.params>
>;

/** Turns neighbouring channels by one position. */
function turned(row: readonly number[], pairs: number, positions: number): number[] {
  return row.map((value, i) => {
    const angle = positions * 10_000 ** (-Math.floor(i / 2) / Math.max(1, pairs - 1));
    const other = i % 2 === 0 ? -row[i + 1]! : row[i - 1]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** Sun et al. 2023, eq. 3, token by token: what is held turns back by one position before each write. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Loose | undefined }) {
  const S = range(d.H).map((h) => matrixFrom(s?.[h], d.V, d.K));
  const y = x.map((x_t) => {
    const [q, k, v, gate] = [p.q, p.k, p.v, p.gate].map((W) => cut(times(x_t, W), d.H)) as [
      number[][],
      number[][],
      number[][],
      number[][],
    ];
    const o = range(d.H).map((h) => {
      const gamma = 1 - 2 ** (-5 - h);
      S[h] = S[h]!.map((row, i) => turned(row, d.pairs, -1).map((value, j) => gamma * value + v[h]![i]! * k[h]![j]!));
      return rms(
        S[h]!.map((row) => dot(row, q[h]!) / Math.sqrt(d.K)),
        c.epsilon,
      ).map((value, i) => value * silu(gate[h]![i]!));
    });
    return times(o.flat(), p.out);
  });
  return { y, S };
}

mixerSuite(retention, {
  configs: [{ heads: 2 }, { heads: 4, keyRatio: 2, valueRatio: 0.5, epsilon: 1e-3 }],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s?.S[b] }));
    return { y: results.map(({ y }) => y), s: { S: results.map(({ S }) => S) } };
  },
});
