import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { naiveHeads } from "./delta-naive.ts";
import { deltanet } from "./deltanet.ts";
import { dot, matrixFrom, range, rms, sigmoid, times } from "./plain-loops.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof deltanet.config.parse>,
  ReturnType<typeof deltanet.dims>,
  ReturnType<typeof deltanet.params>
>;

/** Schlag et al. 2021, eq. 24, token by token: write what the state at the key lacks of the value. */
function sequence({ x, p, c, d, s }: OneSequence<At, "conv" | "S">) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.V, d.K));
  const y = x.map((x_t) => {
    const { q, k, v } = naiveHeads(x_t, past, { p, d });
    const beta = times(x_t, p.beta).map((value) => sigmoid(value) * (c.negEigen ? 2 : 1));
    const o = range(d.H).map((h) => {
      const [query, key] = [q[h]!, k[h]!];
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
  naive: eachSequence(["conv", "S"], sequence),
});
