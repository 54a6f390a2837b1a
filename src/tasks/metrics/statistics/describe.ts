/** One sample in numbers. All throw E_METRIC_INPUT for an empty sample or one with NaN. */
import { assertOrdered, assertSome, meanOf } from "../classification/labelled.ts";
import { studentT } from "./distributions.ts";

/** A checked copy, sorted. */
export function sorted(sample: ArrayLike<number>): number[] {
  assertSome("sample", sample.length);
  assertOrdered("sample", sample);
  return Array.from(sample).sort((a, b) => a - b);
}

export function mean(sample: ArrayLike<number>): number {
  assertSome("sample", sample.length);
  return meanOf(Array.from(sample));
}

/** Σ (x − mean)² / (n − 1): the unbiased variance; NaN for one value. */
export const variance = (sample: ArrayLike<number>): number =>
  (centralMoment(sample, 2) * sample.length) / (sample.length - 1);

/** Standard error of the mean. */
export const standardError = (sample: ArrayLike<number>): number => Math.sqrt(variance(sample) / sample.length);

function centralMoment(sample: ArrayLike<number>, power: number): number {
  const centre = mean(sample);
  return meanOf(Array.from(sample, (x) => (x - centre) ** power));
}

/** `biased`: of the sample as it is; `unbiased`: of what it was drawn from, if normal. */
export type Bias = "biased" | "unbiased";

/** Third standardised moment; 0 for symmetric samples. */
export function skewness(sample: ArrayLike<number>, bias: Bias = "biased"): number {
  const n = sample.length;
  const g = centralMoment(sample, 3) / centralMoment(sample, 2) ** 1.5;
  return bias === "biased" ? g : (g * Math.sqrt(n * (n - 1))) / (n - 2);
}

/** Fourth standardised moment less 3; 0 for the normal distribution. */
export function excessKurtosis(sample: ArrayLike<number>, bias: Bias = "biased"): number {
  const n = sample.length;
  const g = centralMoment(sample, 4) / centralMoment(sample, 2) ** 2 - 3;
  return bias === "biased" ? g : ((n - 1) / ((n - 2) * (n - 3))) * ((n + 1) * g + 6);
}

/** The value below which a share `p` lies, linear between neighbours (numpy's default, R's type 7). */
export function quantile(sample: ArrayLike<number>, p: number): number {
  const values = sorted(sample);
  const at = p * (values.length - 1);
  const [low, high] = [values[Math.floor(at)]!, values[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (sample: ArrayLike<number>): number => quantile(sample, 0.5);

/** Median of the distances from the median. */
export function medianDeviation(sample: ArrayLike<number>): number {
  const centre = median(sample);
  return median(Array.from(sample, (x) => Math.abs(x - centre)));
}

/** Mean without a share of the least and of the greatest values. */
export function trimmedMean(sample: ArrayLike<number>, { share }: { share: number }): number {
  const cut = Math.floor(share * sample.length);
  return meanOf(sorted(sample).slice(cut, sample.length - cut));
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Interval that holds the mean with probability `level` if the sample is normal (Student's t). NaN for one value. */
export function meanInterval(sample: ArrayLike<number>, { level = 0.95 }: { level?: number } = {}): Interval {
  const reach = studentT(sample.length - 1).quantile((1 + level) / 2) * standardError(sample);
  return { low: mean(sample) - reach, high: mean(sample) + reach };
}
