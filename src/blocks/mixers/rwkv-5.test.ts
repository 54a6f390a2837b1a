import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { cut, matrixFrom, range, silu, times } from "./plain-loops.ts";
import { rwkv5 } from "./rwkv-5.ts";
import { bonusHead, mixTokens, normed } from "./rwkv-naive.ts";
import { eachSequence, type OneSequence } from "./sequence-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof rwkv5.config.parse>,
  ReturnType<typeof rwkv5.dims>,
  ReturnType<typeof rwkv5.params>
>;

/** Peng et al. 2024, section 4.1, token by token. */
function sequence({ x, p, c, d, s }: OneSequence<At, "shift" | "S">) {
  let shift = s?.shift ?? new Array<number>(d.D).fill(0);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], d.K, d.K));
  const y = x.map((x_t) => {
    const project = (mu: Loose, W: Loose) => times(mixTokens(x_t, shift, mu), W);
    const heads = (mu: Loose, W: Loose) => cut(project(mu, W), d.H);
    const [r, k, v] = [heads(p.mixR, p.r), heads(p.mixK, p.k), heads(p.mixV, p.v)];
    const gate = project(p.mixG, p.gate).map(silu);
    shift = x_t;
    const o = range(d.H).flatMap((h) => {
      const w = p.decay[h]!.map((rate: number) => Math.exp(-Math.exp(rate)));
      return normed(bonusHead(S[h]!, { r: r[h]!, k: k[h]!, v: v[h]!, u: p.bonus[h]!, w }), c.epsilon);
    });
    return times(
      o.map((value, i) => (value * p.normGain[i]! + p.normOffset[i]!) * gate[i]!),
      p.out,
    );
  });
  return { y, shift, S };
}

mixerSuite(rwkv5, {
  configs: [{ heads: 2 }, { heads: 4, depth: 1, epsilon: 0.1 }],
  width: 8,
  algorithmic: ["chunk"],
  naive: eachSequence(["shift", "S"], sequence),
});
