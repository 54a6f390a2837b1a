import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { gsa } from "./gsa.ts";
import { cut, dot, matrixFrom, range, rms, sigmoid, silu, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof gsa.config.parse>,
  ReturnType<typeof gsa.dims>,
  ReturnType<typeof gsa.params>
>;

/** Zhang et al. 2024, eq. 8, token by token. */
function sequence({
  x,
  p,
  c,
  d,
  s,
}: Omit<At, "x" | "s"> & { x: number[][]; s: { keys: Loose; values: Loose } | undefined }) {
  const keys = range(d.H).map((h) => matrixFrom(s?.keys[h], d.K, d.M));
  const values = range(d.H).map((h) => matrixFrom(s?.values[h], d.K, d.M));
  const y = x.map((x_t) => {
    const [q, k, v] = [p.q, p.k, p.v].map((W) => cut(times(x_t, W).map(silu), d.H)) as [
      number[][],
      number[][],
      number[][],
    ];
    const kept = cut(
      times(x_t, p.forget).map((value) => sigmoid(value) ** (1 / c.slowness)),
      d.H,
    );
    const write = (slots: number[][], entry: number[], a: number[]) =>
      slots.map((row, i) => row.map((value, m) => value * a[m]! + entry[i]! * (1 - a[m]!)));
    const o = range(d.H).flatMap((h) => {
      keys[h] = write(keys[h]!, k[h]!, kept[h]!);
      values[h] = write(values[h]!, v[h]!, kept[h]!);
      const weights = range(d.M).map((m) =>
        Math.exp(sum(keys[h]!.map((row, i) => row[m]! * q[h]![i]!)) / Math.sqrt(d.K)),
      );
      const read = values[h]!.map((row) => dot(row, weights) / sum(weights));
      return rms(read.map(silu), c.epsilon).map((value, i) => value * p.norm[i]!);
    });
    return times(o, p.out);
  });
  return { y, keys, values };
}

mixerSuite(gsa, {
  configs: [
    { heads: 2, slots: 3 },
    { heads: 4, slots: 5, slowness: 0.5, epsilon: 0.1 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) =>
      sequence({ ...at, x: rows, s: s && { keys: s.keys[b]!, values: s.values[b]! } }),
    );
    return {
      y: results.map(({ y }) => y),
      s: { keys: results.map(({ keys }) => keys), values: results.map(({ values }) => values) },
    };
  },
});
