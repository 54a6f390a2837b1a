import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { kda } from "./kda.ts";
import { cut, dot, matrixFrom, range, rms, shortConv, sigmoid, silu, softplus, times, unit } from "./plain-loops.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof kda.config.parse>,
  ReturnType<typeof kda.dims>,
  ReturnType<typeof kda.params>
>;

/** Kimi Team 2025, eq. 1, token by token: decay each key feature, then replace what the key holds. */
function sequence({ x, p, c, d, s }: OneSequence<At, "conv" | "S">) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.K, d.K));
  const y = x.map((x_t) => {
    const qkv = shortConv([...times(x_t, p.q), ...times(x_t, p.k), ...times(x_t, p.v)], past, p.conv).map(silu);
    const [q, k, v] = cut(qkv, 3).map((part) => cut(part, d.H)) as [number[][], number[][], number[][]];
    const beta = times(x_t, p.beta).map(sigmoid);
    const decay = times(times(x_t, p.decayDown), p.decayUp, p.decayBias).map((rate, i) =>
      Math.exp(-Math.exp(p.logA[Math.floor(i / d.K)]!) * softplus(rate)),
    );
    const gate = times(times(x_t, p.gateDown), p.gateUp).map(sigmoid);
    const o = range(d.H).flatMap((h) => {
      const key = unit(k[h]!);
      S[h] = S[h]!.map((row, i) => {
        const decayed = row.map((value, j) => value * decay[h * d.K + j]!);
        const lacking = v[h]![i]! - dot(decayed, key);
        return decayed.map((value, j) => value + beta[h]! * lacking * key[j]!);
      });
      const read = S[h]!.map((row) => dot(row, unit(q[h]!)) / Math.sqrt(d.K));
      return rms(read, c.epsilon).map((value, i) => value * p.norm[i]!);
    });
    return times(
      o.map((value, i) => value * gate[i]!),
      p.out,
    );
  });
  return { y, conv: past, S };
}

mixerSuite(kda, {
  configs: [{ heads: 2 }, { heads: 2, headSize: 3, rank: 2, conv: 3, epsilon: 0.1 }],
  width: 8,
  algorithmic: ["chunk"],
  naive: eachSequence(["conv", "S"], sequence),
});
