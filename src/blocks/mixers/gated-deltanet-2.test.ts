import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { naiveHeads } from "./delta-naive.ts";
import { gatedDeltanet2 } from "./gated-deltanet-2.ts";
import { cut, dot, matrixFrom, range, rms, sigmoid, silu, softplus, times } from "./plain-loops.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof gatedDeltanet2.config.parse>,
  ReturnType<typeof gatedDeltanet2.dims>,
  ReturnType<typeof gatedDeltanet2.params>
>;

/** Token by token: decay each key feature, erase what the gated key reads, write the gated value. */
function sequence({ x, p, c, d, s }: OneSequence<At, "conv" | "S">) {
  const past = matrixFrom(s?.conv, d.C, d.W - 1);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.V, d.K));
  const y = x.map((x_t) => {
    const { q, k, v } = naiveHeads(x_t, past, { p, d });
    const low = (down: Loose, up: Loose, offset?: Loose) =>
      cut(times(times(x_t, down as never), up as never, offset as never), d.H);
    const decay = low(p.decayDown, p.decayUp, p.decayBias);
    const erase = low(p.eraseDown, p.eraseUp, p.eraseBias);
    const write = low(p.writeDown, p.writeUp, p.writeBias);
    const gate = low(p.gateDown, p.gateUp);
    const o = range(d.H).flatMap((h) => {
      const key = k[h]!;
      const erased = key.map((value, j) => value * sigmoid(erase[h]![j]!));
      S[h] = S[h]!.map((row, i) => {
        const kept = row.map((value, j) => value * Math.exp(-Math.exp(p.logA[h]!) * softplus(decay[h]![j]!)));
        const change = sigmoid(write[h]![i]!) * v[h]![i]! - dot(kept, erased);
        return kept.map((value, j) => value + change * key[j]!);
      });
      const read = S[h]!.map((row) => dot(row, q[h]!));
      return rms(read, c.epsilon).map((value, i) => value * p.norm[i]! * silu(gate[h]![i]!));
    });
    return times(o, p.out);
  });
  return { y, conv: past, S };
}

mixerSuite(gatedDeltanet2, {
  configs: [{ heads: 2 }, { heads: 2, keySize: 3, valueSize: 2, rank: 2, conv: 3, epsilon: 0.1 }],
  width: 8,
  algorithmic: ["chunk"],
  naive: eachSequence(["conv", "S"], sequence),
});
