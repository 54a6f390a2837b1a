/** Tests that use only the order of values. All throw E_METRIC_INPUT for empty samples. */
import { assertLength } from "../classification/labelled.ts";
import { chiSquared, normal } from "./distributions.ts";
import { rank, tieSum } from "./ranks.ts";
import type { TestResult } from "./test-result.ts";

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

interface Correction {
  /** Takes a half off the distance from the mean, because the statistic is a whole number. Default true. */
  readonly continuity?: boolean;
}

/** Does one sample tend to greater values? Mann & Whitney's U of the first, p by the normal distribution. */
export function mannWhitney(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { continuity = true }: Correction = {},
): TestResult {
  const [m, n] = [a.length, b.length];
  const { ranks, ties } = rank([...Array.from(a), ...Array.from(b)]);
  const statistic = sum(ranks.slice(0, m)) - (m * (m + 1)) / 2;
  const size = m + n;
  const variance = ((m * n) / 12) * (size + 1 - tieSum(ties) / (size * (size - 1)));
  const distance = Math.abs(statistic - (m * n) / 2) - (continuity ? 0.5 : 0);
  return { statistic, p: Math.min(1, 2 * normal.survival(distance / Math.sqrt(variance))) };
}

/** What is done with pairs that are equal: left out, ranked but not counted (Pratt 1959), or half to each side. */
export type ZeroDifferences = "drop" | "pratt" | "split";

/** Do pairs differ? Wilcoxon's signed ranks: the smaller sum, p by the normal distribution. Default without correction. */
export function wilcoxon(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { zeros = "drop", continuity = false }: Correction & { readonly zeros?: ZeroDifferences } = {},
): TestResult {
  const { above, below, count, variance } = signedRanks(differencesOf(a, b), zeros);
  const centre = (above + below) / 2;
  const distance = Math.abs(above - centre) - (continuity && above !== centre ? 0.5 : 0);
  return {
    statistic: Math.min(above, below),
    p: count === 0 ? 1 : 2 * normal.survival(distance / Math.sqrt(variance)),
  };
}

/** Two-sided, or that the first sample is `less`, or `greater`. */
type Side = "two-sided" | "less" | "greater";

/**
 * As `wilcoxon`, with p counted over all signs: for samples without zero differences or ties. On one side the statistic
 * is the sum of the ranks at which the first sample is greater. Time n³.
 */
export function wilcoxonExact(a: ArrayLike<number>, b: ArrayLike<number>, side: Side = "two-sided"): TestResult {
  const { above, below, count } = signedRanks(differencesOf(a, b), "drop");
  // How likely each sum of ranks is when every sign is a coin's.
  let shares = [1];
  for (let r = 1; r <= count; r++)
    shares = Array.from({ length: shares.length + r }, (_, s) => ((shares[s] ?? 0) + (shares[s - r] ?? 0)) / 2);
  const upTo = (rankSum: number): number => sum(shares.slice(0, Math.floor(rankSum) + 1));
  // The distribution is symmetric: sums from `above` on are as likely as sums up to `below`.
  if (side === "less") return { statistic: above, p: upTo(above) };
  if (side === "greater") return { statistic: above, p: upTo(below) };
  const least = Math.min(above, below);
  return { statistic: least, p: Math.min(1, 2 * upTo(least)) };
}

function differencesOf(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  assertLength("the second sample", b.length, a.length);
  return Array.from(a, (x, i) => x - b[i]!);
}

function signedRanks(all: readonly number[], zeros: ZeroDifferences) {
  const differences = zeros === "drop" ? all.filter((d) => d !== 0) : all;
  if (differences.length === 0) return { above: 0, below: 0, count: 0, variance: 0 };
  const { ranks, ties } = rank(differences.map(Math.abs));
  const rankSum = (sign: number) => sum(ranks.filter((_, i) => Math.sign(differences[i]!) === sign));
  const zeroCount = differences.filter((d) => d === 0).length;
  const moment = (n: number) => n * (n + 1) * (2 * n + 1);
  const half = zeros === "split" ? rankSum(0) / 2 : 0;
  const uncounted = zeros === "pratt" ? zeroCount : 0;
  const counted = uncounted > 0 ? ties.slice(1) : ties;
  const variance = (moment(differences.length) - moment(uncounted) - tieSum(counted) / 2) / 24;
  return { above: rankSum(1) + half, below: rankSum(-1) + half, count: differences.length, variance };
}

/** Do groups differ in location? Kruskal & Wallis' H, corrected for ties, p by χ². */
export function kruskalWallis(groups: readonly ArrayLike<number>[]): TestResult {
  const { ranks, ties } = rank(groups.flatMap((group) => Array.from(group)));
  const n = ranks.length;
  let start = 0;
  const squares = groups.map(({ length }) => {
    start += length;
    return sum(ranks.slice(start - length, start)) ** 2 / length;
  });
  const h = (12 / (n * (n + 1))) * sum(squares) - 3 * (n + 1);
  const statistic = h / (1 - tieSum(ties) / (n ** 3 - n));
  return { statistic, p: chiSquared(groups.length - 1).survival(statistic) };
}

/** Do treatments differ over the same blocks? Friedman's test, corrected for ties, p by χ². */
export function friedman(treatments: readonly ArrayLike<number>[]): TestResult {
  const [k, n] = [treatments.length, treatments[0]?.length ?? 0];
  for (const [i, one] of treatments.entries()) assertLength(`treatments[${i}]`, one.length, n);
  const blocks = Array.from({ length: n }, (_, i) => rank(treatments.map((one) => one[i]!)));
  const rankSums = treatments.map((_, j) => sum(blocks.map(({ ranks }) => ranks[j]!)));
  const raw = (12 / (k * n * (k + 1))) * sum(rankSums.map((total) => total ** 2)) - 3 * n * (k + 1);
  const statistic = raw / (1 - sum(blocks.map(({ ties }) => tieSum(ties))) / (k * (k ** 2 - 1) * n));
  return { statistic, p: chiSquared(k - 1).survival(statistic) };
}
