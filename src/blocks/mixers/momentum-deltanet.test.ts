import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { naiveHeadDecay, naiveHeads } from "./delta-naive.ts";
import { momentumDeltanet } from "./momentum-deltanet.ts";
import { cut, dot, matrixFrom, range, rms, sigmoid, silu, times } from "./plain-loops.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof momentumDeltanet.config.parse>,
  ReturnType<typeof momentumDeltanet.dims>,
  ReturnType<typeof momentumDeltanet.params>
>;

/** Behrouz et al. 2025, eq. 13 and 14, token by token: the error moves the momentum, the momentum the state. */
function sequence({ x, p, c, d, s }: OneSequence<At, "conv" | "S" | "M">) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.V, d.K));
  const M = range(d.H).map((h) => matrixFrom(s?.M[h], d.V, d.K));
  const y = x.map((x_t) => {
    const { q, k, v } = naiveHeads(x_t, past, { p, d });
    const beta = times(x_t, p.beta).map(sigmoid);
    const momentum = times(x_t, p.momentum, p.momentumBias).map(sigmoid);
    const decay = naiveHeadDecay(x_t, p);
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
  naive: eachSequence(["conv", "S", "M"], sequence),
});
