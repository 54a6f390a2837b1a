import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { comba } from "./comba.ts";
import { naiveHeadDecay, naiveHeads } from "./delta-naive.ts";
import { cut, dot, matrixFrom, range, rms, sigmoid, silu, times } from "./plain-loops.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof comba.config.parse>,
  ReturnType<typeof comba.dims>,
  ReturnType<typeof comba.params>
>;

/** Hu et al. 2025, section 3, token by token: write what the state before its decay lacks of the value at the weakened key. */
function sequence({ x, p, c, d, s }: OneSequence<At, "conv" | "S">) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.V, d.K));
  const y = x.map((x_t) => {
    const { q, k, v } = naiveHeads(x_t, past, { p, d });
    const beta = times(x_t, p.beta).map(sigmoid);
    const decay = naiveHeadDecay(x_t, p);
    const gate = cut(times(x_t, p.z).map(silu), d.H);
    const o = range(d.H).map((h) => {
      const group = Math.floor(h / d.R);
      const key = k[group]!;
      const query = q[group]!.map((value, j) => value - (p.correction[group]! * key[j]!) / Math.sqrt(d.K));
      S[h] = S[h]!.map((row, i) => {
        const lacking = v[h]![i]! - sigmoid(p.inner[group]!) * dot(row, key);
        return row.map((value, j) => decay[h]! * value + beta[h]! * lacking * key[j]!);
      });
      return rms(
        S[h]!.map((row) => dot(row, query)),
        c.epsilon,
      ).map((value, i) => value * p.norm[i]! * gate[h]![i]!);
    });
    return times(o.flat(), p.out);
  });
  return { y, conv: past, S };
}

mixerSuite(comba, {
  configs: [
    { heads: 4, keyHeads: 2, keySize: 3 },
    { heads: 2, conv: 3, valueSize: 6 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: eachSequence(["conv", "S"], sequence),
});
