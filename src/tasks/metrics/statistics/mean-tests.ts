/** Tests on means and variances. All throw E_METRIC_INPUT for empty samples. */
import { assertLength } from "../classification/labelled.ts";
import { mean, median, standardError, variance } from "./describe.ts";
import { fisherF, studentT } from "./distributions.ts";
import type { TestResult } from "./test-result.ts";

const studentTest = (t: number, freedom: number): TestResult => ({
  statistic: t,
  p: 2 * studentT(freedom).survival(Math.abs(t)),
});

/** Is the mean `expected`? */
export const oneSampleTTest = (sample: ArrayLike<number>, { expected = 0 }: { expected?: number } = {}): TestResult =>
  studentTest((mean(sample) - expected) / standardError(sample), sample.length - 1);

/** Have pairs the same mean? Such as two models over the same seeds. */
export function pairedTTest(a: ArrayLike<number>, b: ArrayLike<number>): TestResult {
  assertLength("the second sample", b.length, a.length);
  return oneSampleTTest(Array.from(a, (x, i) => x - b[i]!));
}

/** Have two samples the same mean? `welch` allows different variances (Welch 1947); `pooled` does not. */
export function twoSampleTTest(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  form: "welch" | "pooled" = "welch",
): TestResult {
  const difference = mean(a) - mean(b);
  const [m, n] = [a.length, b.length];
  const [shareA, shareB] = [variance(a) / m, variance(b) / n];
  if (form === "welch") {
    const freedom = (shareA + shareB) ** 2 / (shareA ** 2 / (m - 1) + shareB ** 2 / (n - 1));
    return studentTest(difference / Math.sqrt(shareA + shareB), freedom);
  }
  const pooled = ((m - 1) * variance(a) + (n - 1) * variance(b)) / (m + n - 2);
  return studentTest(difference / Math.sqrt(pooled * (1 / m + 1 / n)), m + n - 2);
}

/** Have all groups the same mean? One-way analysis of variance. */
export function analysisOfVariance(groups: readonly ArrayLike<number>[]): TestResult {
  const all = groups.flatMap((group) => Array.from(group));
  const centre = mean(all);
  const between = groups.reduce((sum, group) => sum + group.length * (mean(group) - centre) ** 2, 0);
  const within = groups.reduce((sum, group) => {
    const own = mean(group);
    return sum + Array.from(group, (x) => (x - own) ** 2).reduce((total, square) => total + square, 0);
  }, 0);
  const [above, below] = [groups.length - 1, all.length - groups.length];
  const statistic = between / above / (within / below);
  return { statistic, p: fisherF(above, below).survival(statistic) };
}

/** Have all groups the same variance? Levene's test about the medians (Brown & Forsythe 1974). */
export function leveneTest(groups: readonly ArrayLike<number>[]): TestResult {
  return analysisOfVariance(
    groups.map((group) => {
      const centre = median(group);
      return Array.from(group, (x) => Math.abs(x - centre));
    }),
  );
}
