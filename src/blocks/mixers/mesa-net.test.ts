import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { cut, dot, matrixFrom, range, rms, shortConv, sigmoid, silu, softplus, times, unit } from "./mamba-naive.ts";
import { mesaNet } from "./mesa-net.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof mesaNet.config.parse>,
  ReturnType<typeof mesaNet.dims>,
  ReturnType<typeof mesaNet.params>
>;

/** x with A x = b by Gauss elimination. */
function solved(A: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = A.map((row, i) => [...row, b[i]!]);
  for (const i of rows.keys())
    for (const j of rows.keys()) {
      if (i === j) continue;
      const factor = rows[j]![i]! / rows[i]![i]!;
      rows[j] = rows[j]!.map((value, c) => value - factor * rows[i]![c]!);
    }
  return rows.map((row, i) => row.at(-1)! / row[i]!);
}

const symmetric = (m: number[][]) => m.map((row, i) => row.map((value, j) => (value + m[j]![i]!) / 2));

/** von Oswald et al. 2025, eq. 4, token by token; the state of the regression is symmetric. */
function sequence({
  x,
  p,
  c,
  d,
  s,
}: Omit<At, "x" | "s"> & { x: number[][]; s: { conv: Loose; keys: Loose; values: Loose } | undefined }) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const keys = range(d.H).map((h) => symmetric(matrixFrom(s?.keys[h], d.K, d.K)));
  const values = range(d.H).map((h) => matrixFrom(s?.values[h], d.V, d.K));
  const y = x.map((x_t) => {
    const qkv = shortConv([...times(x_t, p.q), ...times(x_t, p.k), ...times(x_t, p.v)], past, p.conv).map(silu);
    const width = d.H * d.K;
    const [q, k] = [cut(qkv.slice(0, width), d.H), cut(qkv.slice(width, 2 * width), d.H)];
    const v = cut(qkv.slice(2 * width), d.H);
    const beta = times(x_t, p.beta).map(sigmoid);
    const rate = times(x_t, p.decay, p.decayBias).map(softplus);
    const o = range(d.H).flatMap((h) => {
      const key = unit(k[h]!);
      const a = Math.exp(-Math.exp(p.logA[h]!) * rate[h]!);
      const update = (m: number[][], left: readonly number[]) =>
        m.map((row, i) => row.map((value, j) => a * value + beta[h]! * left[i]! * key[j]!));
      keys[h] = update(keys[h]!, key);
      values[h] = update(values[h]!, v[h]!);
      const A = keys[h]!.map((row, i) =>
        row.map((value, j) => value + (i === j ? c.ridgeMin + softplus(p.ridge[h]![i]!) : 0)),
      );
      const solution = solved(
        A,
        unit(q[h]!).map((value) => value / Math.sqrt(d.K)),
      );
      return rms(
        values[h]!.map((row) => dot(row, solution)),
        c.epsilon,
      ).map((value, i) => value * p.norm[i]!);
    });
    return times(o, p.out);
  });
  return { y, conv: past, keys, values };
}

mixerSuite(mesaNet, {
  configs: [
    { heads: 2, iterations: 4, epsilon: 0.1 },
    { heads: 2, keySize: 3, valueSize: 2, conv: 3, iterations: 3, epsilon: 0.1 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) =>
      sequence({ ...at, x: rows, s: s && { conv: s.conv[b]!, keys: s.keys[b]!, values: s.values[b]! } }),
    );
    const field = <K extends "conv" | "keys" | "values">(name: K) => results.map((result) => result[name]);
    return {
      y: results.map(({ y }) => y),
      s: { conv: field("conv"), keys: field("keys"), values: field("values") },
    };
  },
});
