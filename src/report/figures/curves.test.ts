import { describe, expect, it } from "vitest";
import { BINS, belowCeiling, divergedSeeds, lossCeiling, meanCurve } from "./curves.ts";

const curve = (seed: number, losses: readonly number[]) => ({
  seed,
  points: losses.map((loss, i) => ({ step: i + 1, tokens: (i + 1) * 100, seconds: (i + 1) * (1 + seed), loss })),
});

describe("mean curve", () => {
  it("averages seeds and spans lowest to highest", () => {
    const bins = meanCurve({ curves: [curve(0, [4, 3]), curve(1, [6, 3.5])] });
    expect(bins).toEqual([
      { tokens: 100, seconds: 1.5, loss: 5, low: 4, high: 6 },
      { tokens: 200, seconds: 3, loss: 3.25, low: 3, high: 3.5 },
    ]);
  });

  it("keeps at most the stated number of stretches", () => {
    const losses = Array.from({ length: 5000 }, (_, i) => 5 - i / 2000);
    const bins = meanCurve({ curves: [curve(0, losses)] });
    expect(bins).toHaveLength(BINS);
    expect(bins.at(-1)?.tokens).toBeGreaterThan(497_000);
  });

  it("leaves out losses that are not finite, and breaks where no seed has one", () => {
    const curves = [curve(0, [4, Number.NaN, Number.NaN]), curve(1, [6, 3, Number.POSITIVE_INFINITY])];
    const bins = meanCurve({ curves });
    expect(bins.map((bin) => bin.loss)).toEqual([5, 3, Number.NaN]);
    expect(divergedSeeds({ curves })).toBe(2);
  });

  it("is empty without curves", () => {
    expect(meanCurve({ curves: [] })).toEqual([]);
    expect(meanCurve({ curves: [curve(0, [])] })).toEqual([]);
  });
});

describe("ceiling", () => {
  const bins = meanCurve({ curves: [curve(0, [9, ...Array.from({ length: 99 }, (_, i) => 5 - i / 100)])] });

  it("cuts off the steep start", () => {
    expect(lossCeiling([bins])).toBeCloseTo(4.98, 1);
  });

  it("caps a diverging run a little above the start", () => {
    const diverging = meanCurve({ curves: [curve(0, [6, 5, 4, 1e9, 1e30])] });
    expect(lossCeiling([diverging])).toBeCloseTo(6.6, 10);
  });

  it("puts the crossing point into a curve that comes down through it", () => {
    const cut = belowCeiling(meanCurve({ curves: [curve(0, [6, 4, 3])] }), 5);
    expect(cut.map((bin) => bin.loss)).toEqual([Number.NaN, 5, 4, 3]);
    expect(cut[1]?.tokens).toBe(150);
  });
});
