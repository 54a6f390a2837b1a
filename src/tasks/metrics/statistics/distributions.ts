/** Continuous distributions: P(X ≤ x), P(X > x), quantiles, log densities. */
import { fail } from "../../../tensor/error.ts";
import { betaParts, gammaParts, lnBeta, lnGamma } from "./special-functions.ts";

export interface Distribution {
  cdf(x: number): number;
  /** 1 − cdf, exact where that is small. */
  survival(x: number): number;
  /** The x with cdf p. Throws E_METRIC_INPUT outside 0 to 1. */
  quantile(p: number): number;
  logDensity(x: number): number;
}

interface Shape {
  least: number;
  most: number;
  /** cdf and survival. */
  parts(x: number): { below: number; above: number };
  logDensity(x: number): number;
}

function distribution({ least, most, parts, logDensity }: Shape): Distribution {
  return {
    cdf: (x) => parts(x).below,
    survival: (x) => parts(x).above,
    quantile: (p) => quantileOf({ least, most, parts }, p),
    logDensity: (x) => (x < least || x > most ? Number.NEGATIVE_INFINITY : logDensity(x)),
  };
}

/** Bisection to the last bit, on the smaller tail. */
function quantileOf({ least, most, parts }: Omit<Shape, "logDensity">, p: number): number {
  if (!(p >= 0 && p <= 1))
    fail({ code: "E_METRIC_INPUT", where: "quantile", expected: "p from 0 to 1", got: String(p) });
  if (p === 0) return least;
  if (p === 1) return most;
  const isBelow = (x: number): boolean => (p < 0.5 ? parts(x).below < p : parts(x).above > 1 - p);
  let [low, high] = [Math.max(least, -1), Math.min(most, 1)];
  while (low > least && !isBelow(low)) low *= 2;
  while (high < most && isBelow(high)) high *= 2;
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
  return high;
}

const swap = ({ below, above }: { below: number; above: number }) => ({ below: above, above: below });
const everywhere = { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY };
const positive = { least: 0, most: Number.POSITIVE_INFINITY };

/** Standard normal. */
export const normal: Distribution = distribution({
  ...everywhere,
  parts(x) {
    const above = gammaParts(0.5, x ** 2 / 2).above / 2;
    return x < 0 ? { below: above, above: 1 - above } : { below: 1 - above, above };
  },
  logDensity: (x) => -(x ** 2) / 2 - Math.log(2 * Math.PI) / 2,
});

/** Student's t with `freedom` degrees. */
export const studentT = (freedom: number): Distribution =>
  distribution({
    ...everywhere,
    parts(x) {
      const scale = freedom + x ** 2;
      const above = betaParts({ x: freedom / scale, y: x ** 2 / scale, a: freedom / 2, b: 0.5 }).below / 2;
      return x < 0 ? { below: above, above: 1 - above } : { below: 1 - above, above };
    },
    logDensity: (x) =>
      -lnBeta(freedom / 2, 0.5) - Math.log(freedom) / 2 - ((freedom + 1) / 2) * Math.log1p(x ** 2 / freedom),
  });

/** χ² with `freedom` degrees. */
export const chiSquared = (freedom: number): Distribution =>
  distribution({
    ...positive,
    parts: (x) => gammaParts(freedom / 2, x / 2),
    logDensity: (x) => (freedom / 2 - 1) * Math.log(x / 2) - x / 2 - lnGamma(freedom / 2) - Math.LN2,
  });

/** Fisher's F: ratio of two χ², each over its degrees of freedom. */
export const fisherF = (above: number, below: number): Distribution =>
  distribution({
    ...positive,
    parts(x) {
      const scale = above * x + below;
      // Turned round, so that a large x does not become ∞/∞.
      const [share, rest] = x === Number.POSITIVE_INFINITY ? [1, 0] : [(above * x) / scale, below / scale];
      return swap(betaParts({ x: rest, y: share, a: below / 2, b: above / 2 }));
    },
    logDensity: (x) =>
      (above / 2) * Math.log(above / below) +
      (above / 2 - 1) * Math.log(x) -
      ((above + below) / 2) * Math.log1p((above * x) / below) -
      lnBeta(above / 2, below / 2),
  });

/** Beta on 0 to 1. */
export const betaDistribution = (a: number, b: number): Distribution =>
  distribution({
    least: 0,
    most: 1,
    parts: (x) => betaParts({ x, y: 1 - x, a, b }),
    logDensity: (x) => (a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - lnBeta(a, b),
  });
