/** Scores of forecast distributions; smaller is better. Each is for one time, except `energyScore`. */
import { assertSome, meanOf, weightedMean, weightsOf } from "../classification/labelled.ts";
import { sorted } from "../statistics/describe.ts";
import { normal } from "../statistics/distributions.ts";

interface Ensemble {
  readonly y: number;
  readonly members: ArrayLike<number>;
}

/**
 * Continuous ranked probability score of an ensemble: mean |x − y| − mean |x − x′| / 2 over all pairs of members.
 * `fair` leaves out the pairs of a member with itself (Ferro 2014; NaN for one member). Time n log n.
 */
export function ensembleCrps({ y, members }: Ensemble, { pairs = "all" }: { pairs?: "all" | "fair" } = {}): number {
  const x = sorted(members);
  const n = x.length;
  // In sorted order, member i is the greater of i pairs and the lesser of n − 1 − i.
  const distances = 2 * x.reduce((sum, member, i) => sum + member * (2 * i - n + 1), 0);
  return meanOf(x.map((member) => Math.abs(member - y))) - distances / (2 * n * (pairs === "all" ? n : n - 1));
}

/** CRPS of members with weights. Throws E_METRIC_INPUT. */
export function weightedCrps({ y, members }: Ensemble, weights: ArrayLike<number>): number {
  const w = weightsOf(members.length, weights);
  const x = Array.from(members);
  const distances = x.map((a) =>
    weightedMean(
      x.map((b) => Math.abs(a - b)),
      w,
    ),
  );
  return (
    weightedMean(
      x.map((member) => Math.abs(member - y)),
      w,
    ) -
    weightedMean(distances, w) / 2
  );
}

interface Located {
  readonly y: number;
  /** Centre of the forecast distribution. */
  readonly centre: number;
  /** Standard deviation of a normal, scale of a Laplace distribution. */
  readonly scale: number;
}

/** CRPS of a normal distribution: σ(z(2Φ(z) − 1) + 2φ(z) − 1/√π). */
export function normalCrps({ y, centre, scale }: Located): number {
  const z = (y - centre) / scale;
  return scale * (z * (2 * normal.cdf(z) - 1) + 2 * Math.exp(normal.logDensity(z)) - 1 / Math.sqrt(Math.PI));
}

/** CRPS of a Laplace distribution: b(|z| + e^−|z| − 3/4). */
export function laplaceCrps({ y, centre, scale }: Located): number {
  const z = Math.abs(y - centre) / scale;
  return scale * (z + Math.exp(-z) - 0.75);
}

/** −log density under a normal distribution, in nats. */
export const normalLogScore = ({ y, centre, scale }: Located): number =>
  Math.log(scale) - normal.logDensity((y - centre) / scale);

/** (share of members above the threshold − whether y is)². */
export function thresholdBrier({ y, members }: Ensemble, { threshold }: { threshold: number }): number {
  assertSome("members", members.length);
  return (meanOf(Array.from(members, (member) => Number(member > threshold))) - Number(y > threshold)) ** 2;
}

/** CRPS of whole paths, |·| the Euclidean norm: `members` are paths as long as `y` (Gneiting & Raftery 2007). */
export function energyScore({ y, members }: { y: ArrayLike<number>; members: readonly ArrayLike<number>[] }): number {
  assertSome("members", members.length);
  const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Math.sqrt(Array.from(y, (_, t) => (a[t]! - b[t]!) ** 2).reduce((sum, square) => sum + square, 0));
  const apart = meanOf(members.flatMap((a) => members.map((b) => distance(a, b))));
  return meanOf(members.map((member) => distance(member, y))) - apart / 2;
}

interface PredictionInterval {
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** Width, and 2/α times the distance of y from the interval (Winkler 1972); the interval should hold 1 − α. */
export const intervalScore = ({ y, low, high }: PredictionInterval, { alpha }: { alpha: number }): number =>
  high - low + (2 / alpha) * (Math.max(0, low - y) + Math.max(0, y - high));

/** Share of values inside their intervals, ends included. */
export const coverage = (intervals: readonly PredictionInterval[]): number =>
  meanOf(intervals.map(({ y, low, high }) => Number(low <= y && y <= high)));
