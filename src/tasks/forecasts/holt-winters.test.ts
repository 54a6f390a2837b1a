import { describe, expect, test } from "vitest";
import { holtWinters } from "./holt-winters.ts";

describe("[holt-winters-core]", () => {
  test("[holt-winters-core] simple smoothing by hand: the level goes half of the way to each value", () => {
    const { level, fitted, forecast, squaredError } = holtWinters(
      [12, 14, 13],
      { alpha: 0.5, level: 10 },
      { ahead: 2 },
    );
    expect(level).toEqual([11, 12.5, 12.75]);
    expect(fitted).toEqual([10, 11, 12.5]);
    expect(squaredError).toBe(4 + 9 + 0.25);
    expect(forecast).toEqual([12.75, 12.75]);
  });

  test("[holt-winters-core] level, trend and season by hand, two times of a period of two", () => {
    const season = { gamma: 0.5, start: [1, -1], form: "additive" } as const;
    const model = { alpha: 0.5, level: 10, trend: { beta: 0.5, start: 2 }, season };
    const smoothed = holtWinters([15, 12], model, { ahead: 2 });
    // 12 + 1 was said; the level goes to (14 + 12) / 2, the slope to (3 + 2) / 2, the season to (15 − 12 + 1) / 2.
    // 15.5 − 1 was said; the level goes to (13 + 15.5) / 2, the slope to (1.25 + 2.5) / 2, the season to (12 − 15.5 − 1) / 2.
    expect(smoothed.fitted).toEqual([13, 14.5]);
    expect(smoothed.level).toEqual([13, 14.25]);
    expect(smoothed.trend).toEqual([2.5, 1.875]);
    expect(smoothed.season).toEqual([2, -2.25]);
    expect(smoothed.forecast).toEqual([14.25 + 1.875 + 2, 14.25 + 2 * 1.875 - 2.25]);
  });

  test("[holt-winters-core] a line with a season goes on exactly, in both forms; a damped trend ends", () => {
    const times = Array.from({ length: 20 }, (_, t) => t);
    const weights = { alpha: 0.3, beta: 0.2, gamma: 0.4 };
    for (const form of ["additive", "multiplicative"] as const) {
      const start = form === "additive" ? [2, -1, -1] : [1.2, 0.9, 0.9];
      const at = (t: number) => {
        const [line, season] = [5 + 0.5 * (t + 1), start[t % 3]!];
        return form === "additive" ? line + season : line * season;
      };
      const model = {
        alpha: weights.alpha,
        level: 5,
        trend: { beta: weights.beta, start: 0.5 },
        season: { gamma: weights.gamma, start, form },
      };
      const { forecast, squaredError } = holtWinters(times.map(at), model, { ahead: 9 });
      expect(squaredError).toBeLessThan(1e-20);
      forecast.forEach((value, i) => void expect(value).toBeCloseTo(at(20 + i), 10));
    }
    const damped = { alpha: 0, level: 0, trend: { beta: 0, start: 1, damping: 0.5 } };
    expect(holtWinters([], damped, { ahead: 60 }).forecast.at(-1)).toBeCloseTo(1, 12);
  });

  test("a season without times is refused", () => {
    const season = { gamma: 0.1, start: [], form: "additive" } as const;
    expect(() => holtWinters([1], { alpha: 0.5, level: 1, season })).toThrow("E_SEASON");
  });
});
