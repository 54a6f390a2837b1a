import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { gatedDeltaproduct } from "./gated-deltaproduct.ts";
import { cut, dot, matrixFrom, range, rms, shortConv, sigmoid, silu, softplus, times, unit } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof gatedDeltaproduct.config.parse>,
  ReturnType<typeof gatedDeltaproduct.dims>,
  ReturnType<typeof gatedDeltaproduct.params>
>;

/** Siems et al. 2025, eq. 5, token by token: decay once, then one delta rule after the other. */
function sequence({
  x,
  p,
  c,
  d,
  s,
}: Omit<At, "x" | "s"> & { x: number[][]; s: { conv: Loose; S: Loose } | undefined }) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.V, d.K));
  const [keysFrom, valuesFrom] = [d.H * d.K, d.H * d.K * (1 + d.N)];
  const y = x.map((x_t) => {
    const qkv = shortConv([...times(x_t, p.q), ...times(x_t, p.k), ...times(x_t, p.v)], past, p.conv).map(silu);
    const q = cut(qkv.slice(0, keysFrom), d.H);
    const [k, v] = [cut(qkv.slice(keysFrom, valuesFrom), d.N * d.H), cut(qkv.slice(valuesFrom), d.N * d.H)];
    const beta = times(x_t, p.beta).map((value) => sigmoid(value) * (c.negEigen ? 2 : 1));
    const rates = p.decay && times(x_t, p.decay, p.decayBias).map(softplus);
    const gate = cut(times(x_t, p.gate).map(silu), d.H);
    const o = range(d.H).flatMap((h) => {
      const kept = rates ? Math.exp(-Math.exp(p.logA![h]!) * rates[h]!) : 1;
      S[h] = S[h]!.map((row) => row.map((value) => value * kept));
      for (const rule of range(d.N)) {
        const at = rule * d.H + h;
        const key = unit(k[at]!);
        S[h] = S[h]!.map((row, i) => {
          const lacking = v[at]![i]! - dot(row, key);
          return row.map((value, j) => value + beta[at]! * lacking * key[j]!);
        });
      }
      const read = S[h]!.map((row) => dot(row, unit(q[h]!)) / Math.sqrt(d.K));
      return rms(read, c.epsilon).map((value, i) => value * p.norm[i]! * gate[h]![i]!);
    });
    return times(o, p.out);
  });
  return { y, conv: past, S };
}

mixerSuite(gatedDeltaproduct, {
  configs: [{ heads: 2 }, { heads: 2, rules: 3, keySize: 3, valueSize: 2, conv: 2, forget: false, negEigen: false }],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s && { conv: s.conv[b]!, S: s.S[b]! } }));
    return { y: results.map(({ y }) => y), s: { conv: results.map(({ conv }) => conv), S: results.map(({ S }) => S) } };
  },
});
