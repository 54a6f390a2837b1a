import { describe, expect, it } from "vitest";
import { goldensMissing } from "../../../testing/goldens/index.ts";
import { expectValues, jsonCases } from "../json-cases.fixture.ts";
import { betaDistribution, chiSquared, type Distribution, fisherF, normal, studentT } from "./distributions.ts";

type Family = "normal" | "t" | "chi2" | "f" | "beta";

interface Tables {
  config: { q: number[]; x: number[] };
  logpdf_at: number[];
  expected: Record<Family, { args: number[] }[]>;
}

const families: Readonly<Record<Family, (a: number, b: number) => Distribution>> = {
  normal: () => normal,
  t: studentT,
  chi2: chiSquared,
  f: fisherF,
  beta: betaDistribution,
};

const missing = goldensMissing();

describe.skipIf(missing)(`scipy's tables${missing ? `: ${missing}` : ""}`, () => {
  it.each(jsonCases<Tables>("metrics/distributions"))("$name agrees", ({ value: { config, logpdf_at, expected } }) => {
    for (const [family, tables] of Object.entries(expected) as [Family, { args: number[] }[]][])
      for (const table of tables) {
        const one = families[family](table.args[0]!, table.args[1]!);
        const ours = {
          args: table.args,
          ppf: config.q.map((q) => one.quantile(q)),
          cdf: config.x.map((x) => one.cdf(x)),
          sf: config.x.map((x) => one.survival(x)),
          logpdf: logpdf_at.map((x) => one.logDensity(x)),
        };
        expectValues(ours, table);
      }
  });
});

describe("distributions", () => {
  it("reach their ends", () => {
    expect(normal.quantile(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(chiSquared(3).quantile(1)).toBe(Number.POSITIVE_INFINITY);
    expect(fisherF(2, 3).cdf(Number.POSITIVE_INFINITY)).toBe(1);
    expect(betaDistribution(2, 3).cdf(1)).toBe(1);
    expect(() => normal.quantile(2)).toThrow("[E_METRIC_INPUT]");
  });

  it("keep digits far out", () => {
    // Mills' ratio to five terms: P(X > 20) = φ(20)/20 · (1 − 1/20² + 3/20⁴ − 15/20⁶ + …).
    const ratio = 1 - 1 / 400 + 3 / 400 ** 2 - 15 / 400 ** 3 + 105 / 400 ** 4;
    expect(normal.survival(20) / ((Math.exp(-200) / Math.sqrt(2 * Math.PI) / 20) * ratio)).toBeCloseTo(1, 9);
  });
});
