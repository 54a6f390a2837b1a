/** `metrics/statistics`: scipy's values. */
import { describe, expect, it } from "vitest";
import { goldensMissing } from "../../../testing/goldens/index.ts";
import { expectValues, jsonCases } from "../json-cases.fixture.ts";
import { fitLine, kendall, pearson, spearman } from "./correlation.ts";
import {
  excessKurtosis,
  type Interval,
  mean,
  meanInterval,
  median,
  medianDeviation,
  quantile,
  skewness,
  standardError,
  trimmedMean,
  variance,
} from "./describe.ts";
import { analysisOfVariance, leveneTest, oneSampleTTest, pairedTTest, twoSampleTTest } from "./mean-tests.ts";
import { proportionInterval, signTest } from "./proportion.ts";
import { friedman, kruskalWallis, mannWhitney, wilcoxon, wilcoxonExact, type ZeroDifferences } from "./rank-tests.ts";
import { rank } from "./ranks.ts";
import type { TestResult } from "./test-result.ts";

interface StatisticsCase {
  a: number[];
  b: number[];
  c: number[];
  expected: Record<string, unknown>;
}

/** Values of scipy that are not built here: nothing in the workbench rests on them. */
const absent = ["weighted_tau", "somers_d", "theil_slopes", "ks_2samp"];

const missing = goldensMissing();
const named = ({ statistic, p }: TestResult) => ({ statistic, pvalue: p });
const ends = ({ low, high }: Interval): number[] => [low, high];

function describeSample(a: number[]): Record<string, unknown> {
  return {
    mean: mean(a),
    var_1: variance(a),
    sem: standardError(a),
    skew: skewness(a),
    skew_unbiased: skewness(a, "unbiased"),
    kurtosis: excessKurtosis(a),
    kurtosis_unbiased: excessKurtosis(a, "unbiased"),
    median: median(a),
    quantiles: [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1].map((p) => quantile(a, p)),
    mad: medianDeviation(a),
    rank_average: rank(a).ranks,
    trim_mean: trimmedMean(a, { share: 0.1 }),
  };
}

function line(a: number[], b: number[]): Record<string, unknown> {
  const { slope, intercept, correlation, p, slopeError, interceptError } = fitLine(a, b);
  return { slope, intercept, rvalue: correlation, pvalue: p, stderr: slopeError, intercept_stderr: interceptError };
}

function signedRankTests(a: number[], b: number[]): Record<string, unknown> {
  const zeros: Readonly<Record<string, ZeroDifferences>> = { wilcox: "drop", pratt: "pratt", zsplit: "split" };
  const approximate = Object.entries(zeros).flatMap(([name, way]) => [
    [`wilcoxon_${name}_asymptotic`, named(wilcoxon(a, b, { zeros: way }))],
    [`wilcoxon_${name}_asymptotic_corrected`, named(wilcoxon(a, b, { zeros: way, continuity: true }))],
  ]);
  const counted = (["two-sided", "less", "greater"] as const).map((side) => [
    `wilcoxon_exact_${side}`,
    named(wilcoxonExact(a, b, side)),
  ]);
  return Object.fromEntries([...approximate, ...counted]);
}

function signs(a: number[], b: number[]): Record<string, unknown> {
  const counted = { successes: a.filter((x, i) => x > b[i]!).length, trials: a.length };
  return {
    k: counted.successes,
    n: counted.trials,
    pvalue: signTest(counted),
    ci_exact: ends(proportionInterval(counted, { method: "exact" })),
    ci_wilson: ends(proportionInterval(counted)),
    ci_wilsoncc: ends(proportionInterval(counted, { method: "wilson-corrected" })),
  };
}

describe.skipIf(missing)(`scipy's statistics${missing ? `: ${missing}` : ""}`, () => {
  it.each(jsonCases<StatisticsCase>("metrics/statistics"))(
    `$name agrees (absent: ${absent.join(", ")})`,
    ({ value }) => {
      const { a, b, c, expected } = value;
      const repeated = a.map((_, i) => c[i % c.length]!);
      const levels = [0.8, 0.9, 0.95, 0.99].map((level) => [String(level), ends(meanInterval(a, { level }))]);
      const ours = {
        pearson: named(pearson(a, b)),
        spearman: named(spearman(a, b)),
        kendall_b: named(kendall(a, b)),
        kendall_c: named(kendall(a, b, "c")),
        linregress: line(a, b),
        ttest_rel: named(pairedTTest(a, b)),
        ttest_ind: named(twoSampleTTest(a, c, "pooled")),
        ttest_welch: named(twoSampleTTest(a, c)),
        ttest_1samp: named(oneSampleTTest(a, { expected: 0.1 })),
        mannwhitney_asymptotic: named(mannWhitney(a, c)),
        mannwhitney_no_continuity: named(mannWhitney(a, c, { continuity: false })),
        levene: named(leveneTest([a, c])),
        kruskal: named(kruskalWallis([a, b, c])),
        f_oneway: named(analysisOfVariance([a, b, c])),
        friedman: named(friedman([a, b, repeated])),
        ...signedRankTests(a, b),
        t_interval: Object.fromEntries(levels),
        describe: describeSample(a),
        sign_test: signs(a, b),
      };
      expectValues(ours, expected, { absent });
    },
  );
});

describe("statistics of odd samples", () => {
  it("refuse empty and NaN", () => {
    expect(() => mean([])).toThrow("[E_METRIC_INPUT]");
    expect(() => quantile([1, Number.NaN], 0.5)).toThrow("sample[1]: expected a number");
    expect(() => pearson([1, 2], [1])).toThrow("expected 2 values, got 1");
    expect(() => signTest({ successes: 3, trials: 2 })).toThrow("got 3 of 2");
  });

  it("know when nothing differs", () => {
    expect(wilcoxon([1, 2], [1, 2]).p).toBe(1);
    expect(signTest({ successes: 5, trials: 10 })).toBe(1);
    expect(proportionInterval({ successes: 0, trials: 5 }).low).toBe(0);
  });
});
