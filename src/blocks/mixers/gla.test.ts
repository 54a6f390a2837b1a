import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { gla } from "./gla.ts";
import { cut, dot, matrixFrom, range, rms, sigmoid, silu, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof gla.config.parse>,
  ReturnType<typeof gla.dims>,
  ReturnType<typeof gla.params>
>;

/** Yang et al. 2023, eq. 3 and section 4.4, token by token. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Loose | undefined }) {
  const S = range(d.H).map((h) => matrixFrom(s?.[h], d.V, d.K));
  const y = x.map((x_t) => {
    const [q, k, v, gate] = [p.q, p.k, p.v, p.gate].map((W) => cut(times(x_t, W), d.H)) as [
      number[][],
      number[][],
      number[][],
      number[][],
    ];
    const decay = cut(
      times(times(x_t, p.decayDown), p.decayUp, p.decayBias).map((value) => sigmoid(value) ** (1 / c.slowness)),
      d.H,
    );
    const o = range(d.H).map((h) => {
      S[h] = S[h]!.map((row, i) => row.map((value, j) => decay[h]![j]! * value + v[h]![i]! * k[h]![j]!));
      const read = S[h]!.map((row) => dot(row, q[h]!) / Math.sqrt(d.K));
      return rms(read, c.epsilon).map((value, i) => value * p.norm[i]! * silu(gate[h]![i]!));
    });
    return times(o.flat(), p.out);
  });
  return { y, S };
}

mixerSuite(gla, {
  configs: [{ heads: 2 }, { heads: 4, keyRatio: 1.5, valueRatio: 1.5, decayRank: 3, slowness: 0.5 }],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s?.S[b] }));
    return { y: results.map(({ y }) => y), s: { S: results.map(({ S }) => S) } };
  },
});
