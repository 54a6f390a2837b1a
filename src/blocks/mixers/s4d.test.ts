import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { discrete, naiveLayer, type Pair, plus, scaledBy, times } from "./lti-naive.ts";
import { s4d } from "./s4d.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof s4d.config.parse>,
  ReturnType<typeof s4d.dims>,
  ReturnType<typeof s4d.params>
>;

/** Gu et al. 2022, equations 2–4, as the recurrence. */
function channelOf({ c, d, p }: At, direction: number, channel: number) {
  const copy = channel % d.S;
  const dt = Math.exp(p.logDt[channel]!);
  const states = Array.from({ length: d.N }, (_, n) => {
    const A: Pair = [-Math.exp(p.logRate[copy]![n]!), p.frequency[copy]![n]!];
    const { decay, input } = discrete(A, dt, c.discretisation);
    const seen = c.bandlimit === undefined || (dt * Math.abs(A[1])) / (2 * Math.PI) < c.bandlimit / 2;
    const C: Pair = seen ? pair(p.C[direction]![channel]![n]!) : [0, 0];
    return { decay, input: times(input, pair(p.B[copy]![n]!)), C };
  });
  return {
    step(x: Pair[], u: number) {
      const next = states.map(({ decay, input }, n) => plus(times(decay, x[n]!), scaledBy(input, u)));
      return { x: next, y: states.reduce((sum, { C }, n) => sum + 2 * times(C, next[n]!)[0], 0) };
    },
  };
}

const pair = (stored: readonly number[]): Pair => [stored[0]!, stored[1]!];

mixerSuite(s4d, {
  configs: [
    { state: 6 },
    { state: 4, copies: 2, init: "inv", discretisation: "bilinear", output: "linear", dtMin: 0.1, dtMax: 1 },
    { state: 4, init: "legs", output: "none", activation: "none", bandlimit: 0.12, dtMin: 0.02, dtMax: 0.2 },
    { state: 4, init: "real", output: "none", bidirectional: true, copies: 1 },
  ],
  width: 4,
  algorithmic: ["chunk"],
  naive: (at) =>
    naiveLayer({
      ...at,
      stored: at.s?.x,
      states: at.d.N,
      bidirectional: at.c.bidirectional,
      channel: (direction, d) => channelOf(at, direction, d),
    }),
});
