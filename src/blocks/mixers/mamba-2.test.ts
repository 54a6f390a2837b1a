import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { mamba2 } from "./mamba-2.ts";
import { cut, matrixFrom, range, rms, shortConv, silu, softplus, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof mamba2.config.parse>,
  ReturnType<typeof mamba2.dims>,
  ReturnType<typeof mamba2.params>
>;

/** Dao & Gu 2024, eq. 1 and figure 6, token by token. */
function sequence({
  x,
  p,
  c,
  d,
  s,
}: Omit<At, "x" | "s"> & { x: number[][]; s: { conv: Loose; ssm: Loose } | undefined }) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.ssm[h], d.P, d.N));
  const y = x.map((x_t) => {
    const u = shortConv([...times(x_t, p.x, p.xBias), ...times(x_t, p.bc, p.bcBias)], past, p.conv, p.convBias).map(
      silu,
    );
    const dt = times(x_t, p.dt, p.dtBias).map((value) =>
      Math.min(c.dtMax ?? Number.POSITIVE_INFINITY, Math.max(c.dtMin, softplus(value))),
    );
    const [B, C] = [u.slice(d.I, d.I + d.G * d.N), u.slice(d.I + d.G * d.N)];
    const o = range(d.I).map((i) => {
      const h = Math.floor(i / d.P);
      const from = Math.floor(h / d.R) * d.N;
      const row = S[h]![i % d.P]!;
      for (const n of range(d.N))
        row[n] = Math.exp(-dt[h]! * Math.exp(p.logA[h]!)) * row[n]! + dt[h]! * u[i]! * B[from + n]!;
      return sum(row.map((value, n) => value * C[from + n]!)) + p.skip[h]! * u[i]!;
    });
    return output(o, times(x_t, p.z, p.zBias).map(silu), { p, c, d });
  });
  return { y, conv: past, ssm: S };
}

function output(o: number[], gate: number[], { p, c, d }: Pick<At, "p" | "c" | "d">): number[] {
  const normed = (v: number[]) =>
    cut(v, d.G)
      .flatMap((group) => rms(group, c.epsilon))
      .map((value, i) => value * (p.norm?.[i] ?? 1));
  const gated = (v: number[]) => v.map((value, i) => value * gate[i]!);
  const forms = { "after-gate": () => normed(gated(o)), "before-gate": () => gated(normed(o)), none: () => gated(o) };
  return times(forms[c.norm](), p.out, p.outBias);
}

mixerSuite(mamba2, {
  configs: [
    { heads: 4, state: 5, groups: 2, bias: true },
    { heads: 2, state: 3, expand: 1.5, conv: 2, convBias: false, norm: "before-gate" },
    { heads: 4, state: 4, norm: "none", dtMin: 0.05, dtMax: 0.6 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s && { conv: s.conv[b]!, ssm: s.ssm[b]! } }));
    return {
      y: results.map(({ y }) => y),
      s: { conv: results.map(({ conv }) => conv), ssm: results.map(({ ssm }) => ssm) },
    };
  },
});
