import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { naiveHeadDecay, naiveHeads } from "./delta-naive.ts";
import { logLinearAttention } from "./log-linear-attention.ts";
import { cut, dot, matrixFrom, range, rms, silu, softplus, times } from "./plain-loops.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof logLinearAttention.config.parse>,
  ReturnType<typeof logLinearAttention.dims>,
  ReturnType<typeof logLinearAttention.params>
>;

/** Guo et al. 2025, section 3, token by token: a bucket that its equal follows is merged with it, as carries are in counting. */
function sequence({ x, p, c, d, s }: OneSequence<At, "conv" | "S" | "count">) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.L - 1).map((l) => range(d.H).map((h) => matrixFrom(s?.S[l]?.[h], d.V, d.K)));
  const span = 2 ** (d.L - 1);
  let count = Math.round(s?.count[0] ?? 0);
  const y = x.map((x_t) => {
    const { q, k, v } = naiveHeads(x_t, past, { p, d });
    const decay = naiveHeadDecay(x_t, p);
    const weights = cut(times(x_t, p.levels, p.levelsBias).map(softplus), d.H);
    const gate = cut(times(x_t, p.z).map(silu), d.H);
    const after = (count + 1) % span;
    const o = range(d.H).flatMap((h) => {
      const a = decay[h]!;
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
  naive: eachSequence(["conv", "S", "count"], sequence),
});
