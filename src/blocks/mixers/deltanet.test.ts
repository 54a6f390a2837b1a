import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { deltanet } from "./deltanet.ts";
import { cut, dot, matrixFrom, range, rms, shortConv, sigmoid, silu, times, unit } from "./mamba-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof deltanet.config.parse>,
  ReturnType<typeof deltanet.dims>,
  ReturnType<typeof deltanet.params>
>;

/** Schlag et al. 2021, eq. 24, token by token: write what the state at the key lacks of the value. */
function sequence({
  x,
  p,
  c,
  d,
  s,
}: Omit<At, "x" | "s"> & { x: number[][]; s: { conv: Loose; S: Loose } | undefined }) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.V, d.K));
  const y = x.map((x_t) => {
    const qkv = shortConv([...times(x_t, p.q), ...times(x_t, p.k), ...times(x_t, p.v)], past, p.conv).map(silu);
    const [q, k] = [cut(qkv.slice(0, d.H * d.K), d.H), cut(qkv.slice(d.H * d.K, 2 * d.H * d.K), d.H)];
    const v = cut(qkv.slice(2 * d.H * d.K), d.H);
    const beta = times(x_t, p.beta).map((value) => sigmoid(value) * (c.negEigen ? 2 : 1));
    const o = range(d.H).map((h) => {
      const [query, key] = [unit(q[h]!).map((value) => value / Math.sqrt(d.K)), unit(k[h]!)];
      S[h] = S[h]!.map((row, i) => row.map((value, j) => value + beta[h]! * (v[h]![i]! - dot(row, key)) * key[j]!));
      return rms(
        S[h]!.map((row) => dot(row, query)),
        c.epsilon,
      ).map((value, i) => value * p.norm[i]!);
    });
    return times(o.flat(), p.out);
  });
  return { y, conv: past, S };
}

mixerSuite(deltanet, {
  configs: [{ heads: 2 }, { heads: 4, keySize: 3, valueSize: 5, negEigen: true, conv: 2 }],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s && { conv: s.conv[b]!, S: s.S[b]! } }));
    return { y: results.map(({ y }) => y), s: { conv: results.map(({ conv }) => conv), S: results.map(({ S }) => S) } };
  },
});
