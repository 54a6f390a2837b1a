/** How two paired samples go together. */
import { assertLength, meanOf } from "../classification/labelled.ts";
import { normal, studentT } from "./distributions.ts";
import { rank } from "./ranks.ts";
import type { TestResult } from "./test-result.ts";

/** Σ of products of the distances from the means. */
export function coproduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assertLength("the second sample", b.length, a.length);
  const [meanA, meanB] = [meanOf(Array.from(a)), meanOf(Array.from(b))];
  return Array.from(a, (x, i) => (x - meanA) * (b[i]! - meanB)).reduce((sum, product) => sum + product, 0);
}

/** Pearson's correlation; p by Student's t. NaN where a sample is constant. Throws E_METRIC_INPUT. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): TestResult {
  const statistic = coproduct(a, b) / Math.sqrt(coproduct(a, a) * coproduct(b, b));
  const freedom = a.length - 2;
  const t = statistic * Math.sqrt(freedom / ((1 - statistic) * (1 + statistic)));
  return { statistic, p: 2 * studentT(freedom).survival(Math.abs(t)) };
}

/** Pearson's correlation of the ranks. Throws E_METRIC_INPUT. */
export const spearman = (a: ArrayLike<number>, b: ArrayLike<number>): TestResult =>
  pearson(rank(a).ranks, rank(b).ranks);

/** `b` divides by the pairs that are no ties, `c` by what a table of this shape allows. */
type KendallForm = "b" | "c";

/** Largest sample for which p is counted, not approximated by the normal distribution. */
const largestCounted = 33;

/**
 * Kendall's τ: pairs in the same order less pairs in opposite order. p is exact for up to 33 values without ties.
 * Time n². Throws E_METRIC_INPUT.
 */
export function kendall(a: ArrayLike<number>, b: ArrayLike<number>, form: KendallForm = "b"): TestResult {
  assertLength("the second sample", b.length, a.length);
  const n = a.length;
  const pairs = (n * (n - 1)) / 2;
  const [tiesA, tiesB] = [rank(a).ties, rank(b).ties];
  const { agreeing, opposed } = countPairs(a, b);
  const untied = (ties: readonly number[]) => pairs - ties.reduce((sum, t) => sum + (t * (t - 1)) / 2, 0);
  const values = Math.min(tiesA.length, tiesB.length);
  const scale = form === "b" ? Math.sqrt(untied(tiesA) * untied(tiesB)) : (n ** 2 * (values - 1)) / values / 2;
  const hasTies = tiesA.length < n || tiesB.length < n;
  const p =
    !hasTies && n <= largestCounted
      ? countedP(n, Math.min(agreeing, opposed))
      : normalP({ n, difference: agreeing - opposed, tiesA, tiesB });
  return { statistic: (agreeing - opposed) / scale, p };
}

function countPairs(a: ArrayLike<number>, b: ArrayLike<number>): { agreeing: number; opposed: number } {
  let [agreeing, opposed] = [0, 0];
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      const direction = Math.sign(a[i]! - a[j]!) * Math.sign(b[i]! - b[j]!);
      if (direction > 0) agreeing++;
      if (direction < 0) opposed++;
    }
  return { agreeing, opposed };
}

/** Twice the share of orders of n values with at most so many inversions (Kendall 1970). */
function countedP(n: number, inversions: number): number {
  let shares = [1];
  for (let size = 2; size <= n; size++) {
    const next = Array<number>(shares.length + size - 1).fill(0);
    for (const [k, share] of shares.entries())
      for (let moved = 0; moved < size; moved++) next[k + moved]! += share / size;
    shares = next;
  }
  const tail = shares.slice(0, inversions + 1).reduce((sum, share) => sum + share, 0);
  return Math.min(1, 2 * tail);
}

interface KendallCounts {
  n: number;
  difference: number;
  tiesA: readonly number[];
  tiesB: readonly number[];
}

function normalP({ n, difference, tiesA, tiesB }: KendallCounts): number {
  const over = (ties: readonly number[], term: (t: number) => number) => ties.reduce((sum, t) => sum + term(t), 0);
  const both = (term: (t: number) => number) => over(tiesA, term) * over(tiesB, term);
  const spread = (t: number) => t * (t - 1) * (2 * t + 5);
  const ordered = n * (n - 1);
  const variance =
    (ordered * (2 * n + 5) - over(tiesA, spread) - over(tiesB, spread)) / 18 +
    both((t) => t * (t - 1)) / (2 * ordered) +
    both((t) => t * (t - 1) * (t - 2)) / (9 * ordered * (n - 2));
  return 2 * normal.survival(Math.abs(difference) / Math.sqrt(variance));
}

export interface LineFit {
  readonly slope: number;
  readonly intercept: number;
  readonly correlation: number;
  /** Of a slope as steep if the true one is 0. */
  readonly p: number;
  readonly slopeError: number;
  readonly interceptError: number;
}

/** Least squares line y = intercept + slope · x with its standard errors. Throws E_METRIC_INPUT. */
export function fitLine(x: ArrayLike<number>, y: ArrayLike<number>): LineFit {
  const { statistic: correlation, p } = pearson(x, y);
  const [xx, yy] = [coproduct(x, x), coproduct(y, y)];
  const slope = coproduct(x, y) / xx;
  const centre = meanOf(Array.from(x));
  const slopeError = Math.sqrt(((1 - correlation ** 2) * yy) / xx / (x.length - 2));
  return {
    slope,
    intercept: meanOf(Array.from(y)) - slope * centre,
    correlation,
    p,
    slopeError,
    interceptError: slopeError * Math.sqrt(xx / x.length + centre ** 2),
  };
}
