/** A test statistic and the probability of one as extreme under the null hypothesis, on both sides if not said otherwise. */
export interface TestResult {
  readonly statistic: number;
  readonly p: number;
}
