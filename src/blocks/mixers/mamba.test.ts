import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { mamba } from "./mamba.ts";
import { dot, matrixFrom, range, rms, shortConv, silu, softplus, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof mamba.config.parse>,
  ReturnType<typeof mamba.dims>,
  ReturnType<typeof mamba.params>
>;

/** Gu & Dao 2023, algorithm 2, token by token. */
function sequence({
  x,
  p,
  c,
  d,
  s,
}: Omit<At, "x" | "s"> & { x: number[][]; s: { conv: Loose; ssm: Loose } | undefined }) {
  const past = matrixFrom(s?.conv, d.I, d.W - 1);
  const h = matrixFrom(s?.ssm, d.N, d.I);
  const normed = (v: number[], weight: Loose | undefined) =>
    c.norm === "none" ? v : rms(v, c.epsilon).map((value, i) => value * (weight?.[i] ?? 1));
  const y = x.map((x_t) => {
    const u = shortConv(times(x_t, p.u, p.uBias), past, p.conv, p.convBias).map(silu);
    const selected = times(u, p.select);
    const delta = times(normed(selected.slice(0, d.R), p.dtNorm), p.dt, p.dtBias).map(softplus);
    const [B, C] = [normed(selected.slice(d.R, d.R + d.N), p.BNorm), normed(selected.slice(d.R + d.N), p.CNorm)];
    const gate = times(x_t, p.z, p.zBias).map(silu);
    const o = u.map((value, i) => {
      for (const n of range(d.N))
        h[n]![i] = Math.exp(-delta[i]! * Math.exp(p.logA[i]![n]!)) * h[n]![i]! + delta[i]! * value * B[n]!;
      return (
        (dot(
          h.map((row) => row[i]!),
          C,
        ) +
          p.skip[i]! * value) *
        gate[i]!
      );
    });
    return times(o, p.out, p.outBias);
  });
  return { y, conv: past, ssm: h };
}

mixerSuite(mamba, {
  configs: [
    { state: 5, bias: true },
    { state: 3, expand: 1.5, dtRank: 2, conv: 2, convBias: false, norm: "gain" },
    { state: 4, norm: "plain", epsilon: 0.1 },
  ],
  width: 8,
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s && { conv: s.conv[b]!, ssm: s.ssm[b]! } }));
    return {
      y: results.map(({ y }) => y),
      s: { conv: results.map(({ conv }) => conv), ssm: results.map(({ ssm }) => ssm) },
    };
  },
});
