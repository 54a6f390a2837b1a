import { expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, plainIo, run, weightsFrom } from "../../testing/index.ts";
import { lru } from "./lru.ts";
import { naiveRecurrence, type Pair, scaledBy } from "./lti-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof lru.config.parse>,
  ReturnType<typeof lru.dims>,
  ReturnType<typeof lru.params>
>;

const decayOf = (logRate: number, logPhase: number): Pair => {
  const size = Math.exp(-Math.exp(logRate));
  return [size * Math.cos(Math.exp(logPhase)), size * Math.sin(Math.exp(logPhase))];
};

mixerSuite(lru, {
  configs: [{ state: 3 }, { bidirectional: true, radiusMin: 0.8, phaseMax: 3 }],
  width: 4,
  algorithmic: ["chunk"],
  naive: ({ x, p, c, d, s }: At) =>
    naiveRecurrence({
      x,
      p,
      stored: s?.h,
      bidirectional: c.bidirectional,
      states: () =>
        Array.from({ length: d.N }, (_, n) => {
          const decay = decayOf(p.logRate[n]!, p.logPhase[n]!);
          const gamma = p.scale[n]! * Math.sqrt(1 - decay[0] ** 2 - decay[1] ** 2);
          return { decay, scale: scaledBy([1, 0], gamma) };
        }),
    }),
});

test("[linear-rnn] its impulse response is λᵗ times the normalised input map, and |λ| < 1 wherever the parameters are", () => {
  const [logRate, logPhase, tokens] = [-1.5, 0.2, 12];
  const { y } = run({
    inputs: { x: { shape: [1, tokens, 1], data: Float64Array.from({ length: tokens }, (_, t) => (t === 0 ? 1 : 0)) } },
    build: ({ x }) => {
      const one = (value: number) => constant([value], [1, 1]);
      const p = weightsFrom({
        logRate: constant([logRate], [1]),
        logPhase: constant([logPhase], [1]),
        scale: constant([1], [1]),
        inputRe: one(1),
        inputIm: one(0),
        outputRe: one(1),
        outputIm: one(0),
        skip: constant([0], [1]),
      });
      const c = lru.config.parse({ chunk: 4 });
      return { y: lru.forward(x!, { c, d: lru.dims(c, 1), p, s: {}, b: {}, io: plainIo("eval") }).y };
    },
  });
  const size = Math.exp(-Math.exp(logRate));
  const gamma = Math.sqrt(1 - size ** 2);
  for (let t = 0; t < tokens; t++)
    expect(y!.data[t]).toBeCloseTo(gamma * size ** t * Math.cos(Math.exp(logPhase) * t), 12);
  for (const parameter of [-5, 0, 3]) expect(Math.hypot(...decayOf(parameter, 1))).toBeLessThan(1);
});
