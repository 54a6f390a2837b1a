import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { gss } from "./gss.ts";
import { discrete, gelu, type Pair, plus, scaledBy, statesOf, storedOf, times } from "./lti-naive.ts";
import { affine, normalised } from "./rnn-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof gss.config.parse>,
  ReturnType<typeof gss.dims>,
  ReturnType<typeof gss.params>
>;

/** Mehta et al. 2022, section 3, token by token, with steps of 1. */
function sequence({ x, p, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Loose | undefined }) {
  const rates = Array.from({ length: d.N }, (_, n): Pair => [-Math.exp(p.logRate[n]!), p.frequency[n]!]);
  const steps = rates.map((rate) => discrete(rate, 1, "zoh"));
  let states = Array.from({ length: d.H }, (_, h) => statesOf(s?.[h], d.N));
  const y = x.map((token) => {
    const u = affine(token, p.wide).map(gelu);
    const v = normalised(affine(token, p.narrow).map(gelu), 1e-5).map(
      (value, h) => value * p.normGain[h]! + p.normOffset[h]!,
    );
    states = states.map((channel, h) =>
      channel.map((state, n) => plus(times(steps[n]!.decay, state), scaledBy(steps[n]!.input, v[h]!))),
    );
    const seen = v.map((value, h) =>
      states[h]!.reduce((sum, state, n) => sum + times(p.C[h]![n] as unknown as Pair, state)[0], p.skip[h]! * value),
    );
    const gated = affine(seen, p.back).map((value, i) => value * u[i]!);
    return affine(gated, p.out, p.outBias);
  });
  return { y, x: states.map(storedOf) };
}

mixerSuite(gss, {
  configs: [{ states: 3 }, { channels: 2, states: 2, expand: 1 }],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s?.x[b] }));
    return { y: results.map(({ y }) => y), s: { x: results.map((result) => result.x) } };
  },
});
