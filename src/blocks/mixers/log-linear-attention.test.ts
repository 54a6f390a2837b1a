import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { logLinearAttention } from "./log-linear-attention.ts";
import { cut, dot, matrixFrom, range, rms, shortConv, silu, softplus, times, unit } from "./mamba-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof logLinearAttention.config.parse>,
  ReturnType<typeof logLinearAttention.dims>,
  ReturnType<typeof logLinearAttention.params>
>;
type Stored = Record<"conv" | "S" | "count", Loose>;

/** Guo et al. 2025, section 3, token by token: a bucket that its equal follows is merged with it, as carries are in counting. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Stored | undefined }) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.L - 1).map((l) => range(d.H).map((h) => matrixFrom(s?.S[l]?.[h], d.V, d.K)));
  const span = 2 ** (d.L - 1);
  let count = Math.round(s?.count[0] ?? 0);
  const y = x.map((x_t) => {
    const qkv = shortConv([...times(x_t, p.q), ...times(x_t, p.k), ...times(x_t, p.v)], past, p.conv).map(silu);
    const width = d.H * d.K;
    const q = cut(qkv.slice(0, width), d.H).map((row) => unit(row).map((value) => value / Math.sqrt(d.K)));
    const k = cut(qkv.slice(width, 2 * width), d.H).map((row) => unit(row));
    const v = cut(qkv.slice(2 * width), d.H);
    const rate = times(x_t, p.decay, p.decayBias).map(softplus);
    const weights = cut(times(x_t, p.levels, p.levelsBias).map(softplus), d.H);
    const gate = cut(times(x_t, p.z).map(silu), d.H);
    const after = (count + 1) % span;
    const o = range(d.H).flatMap((h) => {
      const a = Math.exp(-Math.exp(p.logA[h]!) * rate[h]!);
      for (const level of S) level[h] = level[h]!.map((row) => row.map((value) => a * value));
      const read = v[h]!.map((value, i) =>
        S.reduce(
          (sum, level, l) => sum + weights[h]![l + 1]! * dot(level[h]![i]!, q[h]!),
          weights[h]![0]! * dot(k[h]!, q[h]!) * value,
        ),
      );
      let carried = v[h]!.map((value) => k[h]!.map((key) => value * key));
      for (const l of S.keys()) {
        const whole = S[l]![h]!.map((row, i) => row.map((value, j) => value + carried[i]![j]!));
        const last = l === d.L - 2;
        if (!last && after % 2 ** (l + 1) === 0) {
          carried = whole;
          S[l]![h] = matrixFrom(undefined, d.V, d.K);
          continue;
        }
        S[l]![h] = whole;
        break;
      }
      return rms(read, c.epsilon).map((value, i) => value * p.norm[i]! * gate[h]![i]!);
    });
    count = after;
    return times(o, p.out);
  });
  return { y, conv: past, S, count: [count] };
}

mixerSuite(logLinearAttention, {
  configs: [
    { heads: 2, levels: 5 },
    { heads: 2, levels: 3, keySize: 3, valueSize: 2, conv: 3, epsilon: 0.1 },
  ],
  width: 8,
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) =>
      sequence({ ...at, x: rows, s: s && { conv: s.conv[b]!, S: s.S[b]!, count: s.count[b]! } }),
    );
    const field = <K extends keyof Stored>(name: K) => results.map((result) => result[name]);
    return { y: results.map(({ y }) => y), s: { conv: field("conv"), S: field("S"), count: field("count") } };
  },
});
