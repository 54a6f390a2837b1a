import { describe, expect, test } from "vitest";
import { constant, type Tensor } from "../tensor/index.ts";
import { gradCheck, type NdArray, randomNormal, run } from "../testing/index.ts";
import { autoCorrelation } from "./auto-correlation.ts";
import { dampedGrowth, exponentialLevel } from "./exponential-level.ts";
import { forecastByParts, forecastFromLast } from "./linear-forecast.ts";
import { decomposeSeries, normaliseSeries } from "./series.ts";

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
const series = (length: number, at: (t: number) => number): NdArray => ({
  shape: [1, length, 1],
  data: Float64Array.from(range(length).map(at)),
});

describe("[seasonal-trend-decomp]", () => {
  test("[seasonal-trend-decomp] trend and season give the series back", () => {
    const x = randomNormal("x", [2, 24, 3]);
    for (const window of [1, 5, 25]) {
      const { sum, season } = run({
        inputs: { x },
        build: ({ x }) => {
          const { trend, season } = decomposeSeries(x!, { window });
          return { sum: trend.add(season), season };
        },
      });
      sum!.data.forEach((value, i) => void expect(value).toBeCloseTo(x.data[i]!, 14));
      expect(season!.data.every((value) => Math.abs(value) < 1e-12)).toBe(window === 1);
    }
    expect(() => decomposeSeries(constant([1, 2], [1, 2, 1]), { window: 2 })).toThrow("E_WINDOW");
  });

  test("[seasonal-trend-decomp] away from the ends a line is all trend, and a season of the window's length is all season", () => {
    const [window, T] = [7, 28];
    const season = (t: number) => Math.sin((2 * Math.PI * t) / window);
    const { trend } = run({
      inputs: { x: series(T, (t) => 3 + 0.5 * t + season(t)) },
      build: ({ x }) => ({ trend: decomposeSeries(x!, { window }).trend }),
    });
    for (const t of range(T).slice(3, -3)) expect(trend!.data[t]).toBeCloseTo(3 + 0.5 * t, 12);
  });
});

describe("[revin]", () => {
  const gain = constant([1.5, 0.4, -2], [3]);
  const offset = constant([0.3, -1, 2], [3]);

  test.each(["mean", "last"] as const)("[revin] restored, what was normed is what it was: %s", (centre) => {
    const x = randomNormal("x", [2, 12, 3], 4);
    const { back, normed } = run({
      inputs: { x },
      build: ({ x }) => {
        // The authors' ε² beside the gain is left out with ε.
        const { normed, restore } = normaliseSeries(x!, { centre, gain, offset, epsilon: 0 });
        return { normed, back: restore(normed) };
      },
    });
    expect(back).toBeAllclose(x, { tolerance: 1e-13 });
    expect(normed).not.toBeAllclose(x, { tolerance: 0.1 });
  });

  test("[revin] a series that is shifted and scaled looks the same, and its forecast is shifted and scaled", () => {
    const x = randomNormal("x", [1, 12, 3]);
    const forecast = (y: Tensor) => {
      const { normed, restore } = normaliseSeries(y, { epsilon: 0 });
      return { normed, ahead: restore(normed.slice(1, 0, 4).tanh()) };
    };
    const { plain, moved, ahead, movedAhead } = run({
      inputs: { x },
      build: ({ x }) => {
        const [first, second] = [forecast(x!), forecast(x!.mul(50).add(700))];
        return {
          plain: first.normed,
          moved: second.normed,
          ahead: first.ahead.mul(50).add(700),
          movedAhead: second.ahead,
        };
      },
    });
    expect(moved).toBeAllclose(plain!, { tolerance: 1e-10 });
    expect(movedAhead).toBeAllclose(ahead!, { tolerance: 1e-10 });
  });

  test("[revin] gradients flow through level and scale unless they are told not to", () => {
    gradCheck(({ x }) => normaliseSeries(x!, { gain, offset }).normed, { x: randomNormal("x", [1, 5, 3]) });
    expect(() =>
      gradCheck(({ x }) => normaliseSeries(x!, { learns: false }).normed, { x: randomNormal("x", [1, 5, 3]) }),
    ).toThrow();
  });
});

describe("[linear-forecaster]", () => {
  const [T, S, period] = [24, 6, 4];
  const seasons = [1.2, -0.4, -1, 0.2];
  const at = (t: number) => 2 + 0.3 * t + seasons[t % period]!;
  /** The value a period before, and the slope between the last two periods for each period ahead. */
  const map = {
    weight_TS: constant(
      range(T * S).map((n) => {
        const [t, s] = [Math.floor(n / S), n % S];
        const same = T - period + (s % period);
        const periods = Math.floor(s / period) + 1;
        return (t === same ? 1 + periods : 0) - (t === same - period ? periods : 0);
      }),
      [T, S],
    ),
  };
  const ahead = Float64Array.from(range(S).map((s) => at(T + s)));

  test("[linear-forecaster] a trend with a season is forecast exactly, whole and by parts", () => {
    const { whole, parts } = run({
      inputs: { x: series(T, at) },
      build: ({ x }) => ({
        whole: forecastFromLast(x!, map),
        // One map for both parts is the map of their sum, whatever the window.
        parts: forecastByParts(x!, { trend: map, season: map, window: 5 }),
      }),
    });
    expect(whole).toBeAllclose({ shape: [1, S, 1], data: ahead }, { tolerance: 1e-12 });
    expect(parts).toBeAllclose({ shape: [1, S, 1], data: ahead }, { tolerance: 1e-12 });
  });

  test("[linear-forecaster] from the last value on, a map of zeros says that nothing changes", () => {
    const zero = { weight_TS: constant(new Array(T * S).fill(0), [T, S]), offset_S: constant(range(S), [S]) };
    const { y } = run({ inputs: { x: series(T, at) }, build: ({ x }) => ({ y: forecastFromLast(x!, zero) }) });
    expect([...y!.data]).toEqual(range(S).map((s) => at(T - 1) + s));
  });
});

describe("ETSformer's level and growth", () => {
  test("the level follows the values less their season, and what grows is added whole", () => {
    const share = constant([0], []);
    const { level } = run({
      inputs: { x: series(3, (t) => [4, 6, 10][t]!) },
      build: ({ x }) => ({
        level: exponentialLevel(x!, { season_BTD: x!.mul(0).add(2), growth_BTD: x!.mul(0).add(1), share }),
      }),
    });
    // (2 + 0)/2 + 1, (4 + 2)/2 + 1, (8 + 4)/2 + 1
    expect([...level!.data]).toEqual([2, 4, 7]);
  });

  test("growth fades by the powers of each head's damping", () => {
    const { ahead } = run({
      inputs: { growth: { shape: [1, 4], data: Float64Array.from([8, 4, 8, 4]) } },
      build: ({ growth }) => ({
        ahead: dampedGrowth(growth!, { damping_H: constant([0, Math.log(3)], [2]), ahead: 3 }),
      }),
    });
    const expected = [4, 2, 6, 3, 6, 3, 10.5, 5.25, 7, 3.5, 13.875, 6.9375];
    expect(ahead!.shape).toEqual([1, 3, 4]);
    ahead!.data.forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 12));
  });
});

test("auto-correlation finds the delay by which one series follows another, and moves values back by it", () => {
  const [L, delay] = [16, 5];
  const x = randomNormal("x", [1, L, 1, 1]);
  const late = { shape: x.shape, data: x.data.map((_: number, t: number) => x.data[(t - delay + L) % L]! * 20) };
  const { y, shared } = run({
    inputs: { x, late },
    build: ({ x, late }) => ({
      // ⌊0.4 · ln 16⌋ = 1 delay, whose weight is 1.
      y: autoCorrelation({ q: late!, k: x!, v: x! }, { factor: 0.4 }),
      shared: autoCorrelation({ q: late!, k: x!, v: x! }, { factor: 0.4, delays: "shared" }),
    }),
  });
  range(L).forEach((t) => void expect(y!.data[t]).toBeCloseTo(x.data[(t + delay) % L]!, 10));
  expect([...shared!.data]).toEqual([...y!.data]);
});
