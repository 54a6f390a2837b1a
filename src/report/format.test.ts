import { describe, expect, it } from "vitest";
import {
  bitsPerByte,
  bytes,
  bytesFigure,
  calendarDate,
  contextLength,
  duration,
  joules,
  mebibytes,
  percent,
  plusMinus,
  shortCount,
  threeDigits,
} from "./format.ts";

describe("numbers", () => {
  it("keeps three significant digits without exponents", () => {
    expect([0, 0.01234, 0.9999, 1.2345, 12.345, 123.45, 12345.6].map(threeDigits)).toEqual([
      "0",
      "0.0123",
      "1.00",
      "1.23",
      "12.3",
      "123",
      "12,346",
    ]);
  });

  it("writes a dash for what is not finite", () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY];
    for (const format of [threeDigits, shortCount, bytes, mebibytes, percent, duration])
      expect(odd.map(format)).toEqual(["—", "—"]);
  });

  it("shortens counts, also just below a unit", () => {
    expect([950, 999.9, 12300, 498176, 999999, 1.25e6, 3.1e9].map(shortCount)).toEqual([
      "950",
      "1k",
      "12.3k",
      "498k",
      "1M",
      "1.25M",
      "3.1G",
    ]);
  });

  it("writes percents, durations and context lengths", () => {
    expect([0.713, 0.094, 0, 1].map(percent)).toEqual(["71 %", "9.4 %", "0 %", "100 %"]);
    expect([0.25, 42.4, 272, 3900].map(duration)).toEqual(["0.25 s", "42 s", "4 min 32 s", "1 h 05 min"]);
    expect([512, 1000, 1024, 262144, 1048576].map(contextLength)).toEqual(["512", "1,000", "1k", "256k", "1M"]);
  });

  it("writes ISO times as dates and leaves other text alone", () => {
    expect(calendarDate("2026-01-15T10:20:30Z")).toBe("15 January 2026, 10:20 UTC");
    expect(calendarDate("last Tuesday")).toBe("last Tuesday");
  });
});

describe("bytes", () => {
  it("uses binary units", () => {
    expect([0, 512, 1024, 1536, 2 ** 20, 268435456, 3 * 2 ** 30].map(bytes)).toEqual([
      "0 B",
      "512 B",
      "1 KiB",
      "1.5 KiB",
      "1 MiB",
      "256 MiB",
      "3 GiB",
    ]);
  });

  it("gives mean and spread one unit and equal decimals", () => {
    expect(bytesFigure({ mean: 312 * 2 ** 20, spread: 4.4 * 2 ** 20, n: 2 })).toBe("312 ± 4 MiB");
    expect(bytesFigure({ mean: 1.5 * 2 ** 20, spread: 2 ** 18, n: 3 })).toBe("1.5 ± 0.3 MiB");
  });
});

describe("spread", () => {
  it("is written only where more than one value was measured", () => {
    expect(plusMinus({ mean: 12.34, spread: 0.56, n: 2 })).toBe("12.3 ± 0.6");
    expect(plusMinus({ mean: 12.34, spread: 0, n: 1 })).toBe("12.3");
    expect(plusMinus({ mean: Number.NaN, spread: 0, n: 2 })).toBe("—");
  });

  it("marks upper bounds, but not a missing value", () => {
    expect(bitsPerByte({ mean: 2.1344, spread: 0.0117, n: 2, kind: "exact" })).toBe("2.134 ± 0.012");
    expect(bitsPerByte({ mean: 2.1344, spread: 0, n: 1, kind: "upper-bound" })).toBe("≤ 2.134");
    expect(bitsPerByte({ mean: Number.NaN, spread: 0, n: 1, kind: "upper-bound" })).toBe("—");
  });
});

it("energies have a decimal unit", () => {
  expect([0, 3.7e-12, 9.9996e-10, 1.5e-6, 0.25, 4200].map(joules)).toEqual([
    "0 pJ",
    "3.7 pJ",
    "1 nJ",
    "1.5 µJ",
    "250 mJ",
    "4,200 J",
  ]);
});
