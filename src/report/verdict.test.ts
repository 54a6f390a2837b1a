import { describe, expect, it } from "vitest";
import { comparisonOf, SKETCHES } from "./fixture.ts";
import { rankedSeries } from "./series.ts";
import { isQuick, leadOf, tokensText } from "./verdict.ts";

describe("lead", () => {
  const pair = (gap: number, spread: number, n: number) => {
    const comparison = comparisonOf(SKETCHES.slice(0, 2));
    comparison.results.forEach((result, i) => {
      result.bitsPerByte = { mean: 2 + i * gap, spread, n, kind: "exact" };
    });
    return leadOf(rankedSeries(comparison));
  };

  it("is a tie within the spread of the seeds", () => {
    expect(pair(0.01, 0.02, 2)?.verdict).toBe("tie");
    expect(pair(0.03, 0.02, 2)?.verdict).toBe("ahead");
  });

  it("is unknown with one seed, and alone with one model", () => {
    expect(pair(0.03, 0, 1)?.verdict).toBe("unknown");
    expect(leadOf(rankedSeries(comparisonOf(SKETCHES.slice(0, 1))))?.verdict).toBe("alone");
  });
});

describe("quick look", () => {
  it("follows the flag, or a budget below five tokens per parameter", () => {
    const comparison = comparisonOf();
    expect(isQuick(comparison)).toBe(true);
    comparison.protocol.command = "seqlab compare --data quick.txt";
    expect(isQuick(comparison)).toBe(true);
    for (const result of comparison.results) result.tokens = 20e6;
    expect(isQuick(comparison)).toBe(false);
  });
});

describe("tokens", () => {
  it("are one number, or a range where each model has its own", () => {
    const comparison = comparisonOf();
    expect(tokensText(comparison)).toBe("492k");
    comparison.protocol.tokens = null;
    comparison.results[0]!.tokens = 310_000;
    expect(tokensText(comparison)).toBe("310k to 492k");
  });
});
