import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dodge } from "./dodge.ts";
import { type Box, placeLabels } from "./place.ts";
import { decimalTicks, evenTicks, extent, powerTicks } from "./ticks.ts";

describe("dodge", () => {
  it("leaves positions alone that are far enough apart", () => {
    expect(dodge([10, 80, 40], 15, 0, 100)).toEqual([10, 80, 40]);
  });

  it("spreads a cluster around its centre", () => {
    expect(dodge([50, 50, 50], 10, 0, 100)).toEqual([40, 50, 60]);
  });

  it("keeps the gap, the order and the bounds whatever comes", () => {
    const places = fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(places, (wanted) => {
        const placed = dodge(wanted, 15, 0, 300);
        const sorted = placed.toSorted((a, b) => a - b);
        for (const [i, at] of sorted.entries()) if (i > 0) expect(at - (sorted[i - 1] ?? 0)).toBeGreaterThan(14.999);
        expect(sorted[0]).toBeGreaterThanOrEqual(-1e-9);
        expect(sorted.at(-1)).toBeLessThanOrEqual(300 + 1e-9);
        for (const [i, a] of wanted.entries())
          for (const [j, b] of wanted.entries()) if (a < b) expect(placed[i]).toBeLessThan(placed[j] ?? 0);
      }),
    );
  });

  it("closes up evenly where there is no room", () => {
    expect(dodge([0, 0, 0, 0, 0], 15, 0, 40)).toEqual([0, 10, 20, 30, 40]);
  });
});

describe("label placement", () => {
  const inside: Box = { x: 0, y: 0, width: 400, height: 300 };
  const meet = (a: Box, b: Box) =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

  it("starts to the right of the point", () => {
    expect(placeLabels([{ x: 100, y: 100, width: 40 }], [], inside)).toEqual([
      { x: 109, y: 93, width: 40, height: 14 },
    ]);
  });

  it("finds free places for a crowd, inside the frame", () => {
    const anchors = Array.from({ length: 9 }, (_, i) => ({ x: 380 - (i % 3) * 8, y: 150 + i * 4, width: 70 }));
    const boxes = placeLabels(anchors, [], inside);
    for (const [i, a] of boxes.entries()) {
      expect(a.x >= 0 && a.x + a.width <= 400 && a.y >= 0 && a.y + a.height <= 300).toBe(true);
      for (const b of boxes.slice(0, i)) expect(meet(a, b)).toBe(false);
    }
  });
});

describe("ticks", () => {
  it("steps evenly by 1, 2 or 5", () => {
    expect(evenTicks(3.4, 5.8, 6)).toEqual([3.5, 4, 4.5, 5, 5.5]);
    expect(evenTicks(0, 500, 3, 1)).toEqual([0, 200, 400]);
    expect(evenTicks(0.1, 0.35, 5)).toEqual([0.1, 0.15, 0.2, 0.25, 0.3, 0.35]);
    expect(evenTicks(2, 2, 5)).toEqual([2]);
  });

  it("takes powers within the range, thinned", () => {
    expect(powerTicks(2, 1024, 16384, 9)).toEqual([1024, 2048, 4096, 8192, 16384]);
    expect(powerTicks(4, 1000, 2 ** 24, 4)).toEqual([1024, 2 ** 14, 2 ** 18, 2 ** 22]);
    expect(powerTicks(4, 70000, 80000, 4)).toEqual([70000]);
  });

  it("takes 1, 2, 5 or fewer per decade", () => {
    expect(decimalTicks(0.4, 12, 9)).toEqual([0.5, 1, 2, 5, 10]);
    expect(decimalTicks(0.01, 5000, 6)).toEqual([0.01, 0.1, 1, 10, 100, 1000]);
  });

  it("ignores what is not finite", () => {
    expect(extent([Number.NaN, 2, Number.POSITIVE_INFINITY, 1])).toEqual({ low: 1, high: 2 });
    expect(extent([Number.NaN])).toBeUndefined();
  });
});
