import { describe, expect, test } from "vitest";
import { strongestWaves } from "../../ops/index.ts";
import { mixerSuite, type NaiveMixerArguments, randomNormal, run } from "../../testing/index.ts";
import { frequencyAttention } from "./frequency-attention.ts";
import { range, sum } from "./plain-loops.ts";

type At = NaiveMixerArguments<ReturnType<typeof frequencyAttention.config.parse>>;

/** The sums of the transforms, frequency by frequency. */
function naiveFeature(x: readonly number[], waves: number): number[] {
  const T = x.length;
  const bins = range(Math.floor(T / 2) + 1).map((f) => {
    const part = (wave: (phase: number) => number) =>
      sum(x.map((value, t) => value * wave((2 * Math.PI * f * t) / T))) / T;
    return { f, re: part(Math.cos), im: -part(Math.sin), share: f === 0 || 2 * f === T ? 1 : 2 };
  });
  const kept = bins.toSorted((a, b) => Math.hypot(b.re, b.im) - Math.hypot(a.re, a.im)).slice(0, waves);
  return x.map((_, t) =>
    sum(
      kept.map(({ f, re, im, share }) => {
        const phase = (2 * Math.PI * f * t) / T;
        return share * (re * Math.cos(phase) - im * Math.sin(phase));
      }),
    ),
  );
}

mixerSuite(frequencyAttention, {
  configs: [{ waves: 1 }, { waves: 2 }],
  width: 4,
  naive: (({ x, c }: At) => ({
    y: x.map((tokens) => {
      const features = range(tokens[0]!.length).map((i) =>
        naiveFeature(
          tokens.map((token) => token[i]!),
          c.waves,
        ),
      );
      return tokens.map((_, t) => features.map((feature) => feature[t]!));
    }),
  })) as never,
});

describe("[frequency-attention]", () => {
  test("[frequency-attention] K sinusoids of whole periods are found and go on exactly", () => {
    const [T, horizon] = [24, 30];
    const series = (t: number) => [
      0.5 + 2 * Math.cos((2 * Math.PI * 2 * t) / T + 0.3) - Math.sin((2 * Math.PI * 5 * t) / T),
      3 * Math.sin((2 * Math.PI * 7 * t) / T + 1) + Math.cos((2 * Math.PI * 3 * t) / T) - 0.7,
    ];
    const x = { shape: [1, T, 2], data: Float64Array.from(range(T).flatMap(series)) };
    const { y } = run({ inputs: { x }, build: ({ x }) => ({ y: strongestWaves(x!, { count: 3, horizon }) }) });
    const all = { shape: [1, T + horizon, 2], data: Float64Array.from(range(T + horizon).flatMap(series)) };
    expect(y).toBeAllclose(all, { tolerance: 1e-12 });
  });

  test("[frequency-attention] noise around a wave goes, and with all frequencies everything stays", () => {
    const T = 16;
    const noise = randomNormal("noise", [1, T, 1], 0.1);
    const wave = Float64Array.from(range(T).map((t) => Math.cos((2 * Math.PI * 3 * t) / T)));
    const x = { shape: [1, T, 1], data: wave.map((value, t) => value + noise.data[t]!) };
    const { one, all } = run({
      inputs: { x },
      build: ({ x }) => ({ one: strongestWaves(x!, { count: 1 }), all: strongestWaves(x!, { count: T }) }),
    });
    const distance = (y: ArrayLike<number>) => Math.hypot(...range(T).map((t) => y[t]! - wave[t]!));
    expect(distance(one!.data)).toBeLessThan(0.6 * distance(x.data));
    expect(all).toBeAllclose(x, { tolerance: 1e-12 });
  });
});
