import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { cut, matrixFrom, range, silu, times } from "./plain-loops.ts";
import { rwkv6 } from "./rwkv-6.ts";
import { bonusHead, mixTokens, normed } from "./rwkv-naive.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof rwkv6.config.parse>,
  ReturnType<typeof rwkv6.dims>,
  ReturnType<typeof rwkv6.params>
>;

/** Peng et al. 2024, section 4.2, token by token. */
function sequence({ x, p, c, d, s }: OneSequence<At, "shift" | "S">) {
  let shift = s?.shift ?? new Array<number>(d.D).fill(0);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.K, d.K));
  const y = x.map((x_t) => {
    const m = cut(times(mixTokens(x_t, shift, p.mixX), p.mixDown).map(Math.tanh), 5);
    const [inW, inK, inV, inR, inG] = [p.mixW, p.mixK, p.mixV, p.mixR, p.mixG].map((mu, i) =>
      mixTokens(x_t, shift, times(m[i]!, p.mixUp[i]!, mu)),
    ) as [number[], number[], number[], number[], number[]];
    shift = x_t;
    const [r, k, v] = [cut(times(inR, p.r), d.H), cut(times(inK, p.k), d.H), cut(times(inV, p.v), d.H)];
    const rates = times(times(inW, p.decayDown).map(Math.tanh), p.decayUp, p.decay);
    const w = cut(
      rates.map((rate) => Math.exp(-Math.exp(rate))),
      d.H,
    );
    const gate = times(inG, p.gate).map(silu);
    const o = range(d.H).flatMap((h) =>
      normed(bonusHead(S[h]!, { r: r[h]!, k: k[h]!, v: v[h]!, u: p.bonus[h]!, w: w[h]! }), c.epsilon),
    );
    return times(
      o.map((value, i) => (value * p.normGain[i]! + p.normOffset[i]!) * gate[i]!),
      p.out,
    );
  });
  return { y, shift, S };
}

mixerSuite(rwkv6, {
  configs: [
    { heads: 2, mixRank: 3, decayRank: 2 },
    { heads: 4, mixRank: 1, decayRank: 5, depth: 1, epsilon: 0.1 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: eachSequence(["shift", "S"], sequence),
});
