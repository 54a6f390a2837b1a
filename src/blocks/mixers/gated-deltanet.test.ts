import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { naiveHeadDecay, naiveHeads } from "./delta-naive.ts";
import { gatedDeltanet } from "./gated-deltanet.ts";
import { cut, dot, matrixFrom, range, rms, sigmoid, silu, times } from "./plain-loops.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof gatedDeltanet.config.parse>,
  ReturnType<typeof gatedDeltanet.dims>,
  ReturnType<typeof gatedDeltanet.params>
>;

/** Yang et al. 2024, eq. 10, token by token: decay, then write what the state at the key lacks of the value. */
function sequence({ x, p, c, d, s }: OneSequence<At, "conv" | "S">) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.V, d.K));
  const y = x.map((x_t) => {
    const { q, k, v } = naiveHeads(x_t, past, { p, d });
    const beta = times(x_t, p.beta).map((value) => sigmoid(value) * (c.negEigen ? 2 : 1));
    const decay = naiveHeadDecay(x_t, p);
    const gate = cut(times(x_t, p.z).map(silu), d.H);
    const o = range(d.H).map((h) => {
      const [query, key] = [q[Math.floor(h / d.R)]!, k[Math.floor(h / d.R)]!];
      S[h] = S[h]!.map((row, i) => {
        const decayed = row.map((value) => decay[h]! * value);
        const lacking = v[h]![i]! - dot(decayed, key);
        return decayed.map((value, j) => value + beta[h]! * lacking * key[j]!);
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

mixerSuite(gatedDeltanet, {
  configs: [
    { heads: 4, keyHeads: 2, keySize: 3 },
    { heads: 2, negEigen: true, conv: 3, valueSize: 6 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: eachSequence(["conv", "S"], sequence),
});
