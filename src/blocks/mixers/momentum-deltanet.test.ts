import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { cut, dot, matrixFrom, range, rms, shortConv, sigmoid, silu, softplus, times, unit } from "./mamba-naive.ts";
import { momentumDeltanet } from "./momentum-deltanet.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof momentumDeltanet.config.parse>,
  ReturnType<typeof momentumDeltanet.dims>,
  ReturnType<typeof momentumDeltanet.params>
>;

/** Behrouz et al. 2025, eq. 13 and 14, token by token: the error moves the momentum, the momentum the state. */
function sequence({
  x,
  p,
  c,
  d,
  s,
}: Omit<At, "x" | "s"> & { x: number[][]; s: { conv: Loose; S: Loose; M: Loose } | undefined }) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.V, d.K));
  const M = range(d.H).map((h) => matrixFrom(s?.M[h], d.V, d.K));
  const y = x.map((x_t) => {
    const qkv = shortConv([...times(x_t, p.q), ...times(x_t, p.k), ...times(x_t, p.v)], past, p.conv).map(silu);
    const q = cut(qkv.slice(0, d.G * d.K), d.G).map((row) => unit(row).map((value) => value / Math.sqrt(d.K)));
    const k = cut(qkv.slice(d.G * d.K, 2 * d.G * d.K), d.G).map((row) => unit(row));
    const v = cut(qkv.slice(2 * d.G * d.K), d.H);
    const beta = times(x_t, p.beta).map(sigmoid);
    const momentum = times(x_t, p.momentum, p.momentumBias).map(sigmoid);
    const decay = times(x_t, p.decay).map((value, h) =>
      Math.exp(-Math.exp(p.logA[h]!) * softplus(value + p.decayBias[h]!)),
    );
    const gate = cut(times(x_t, p.z).map(silu), d.H);
    const o = range(d.H).map((h) => {
      const [query, key] = [q[h]!, k[h]!];
      M[h] = M[h]!.map((row, i) => {
        const lacking = beta[h]! * (v[h]![i]! - dot(S[h]![i]!, key));
        return row.map((value, j) => momentum[h]! * value + lacking * key[j]!);
      });
      S[h] = S[h]!.map((row, i) => row.map((value, j) => decay[h]! * value + (1 - momentum[h]!) * M[h]![i]![j]!));
      return rms(
        S[h]!.map((row) => dot(row, query)),
        c.epsilon,
      ).map((value, i) => value * p.norm[i]! * gate[h]![i]!);
    });
    return times(o.flat(), p.out);
  });
  return { y, conv: past, S, M };
}

mixerSuite(momentumDeltanet, {
  configs: [
    { heads: 4, keySize: 3 },
    { heads: 2, conv: 3, valueSize: 6 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) =>
      sequence({ ...at, x: rows, s: s && { conv: s.conv[b]!, S: s.S[b]!, M: s.M[b]! } }),
    );
    const field = <K extends "conv" | "S" | "M">(name: K) => results.map((result) => result[name]);
    return { y: results.map(({ y }) => y), s: { conv: field("conv"), S: field("S"), M: field("M") } };
  },
});
