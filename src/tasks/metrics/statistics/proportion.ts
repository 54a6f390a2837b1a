/** Successes among trials. */
import { fail } from "../../../tensor/error.ts";
import type { Interval } from "./describe.ts";
import { betaDistribution, normal } from "./distributions.ts";
import { betaParts } from "./special-functions.ts";

interface Trials {
  readonly successes: number;
  readonly trials: number;
}

function assertTrials({ successes, trials }: Trials): void {
  if (!Number.isInteger(trials) || trials < 1 || !Number.isInteger(successes) || successes < 0 || successes > trials)
    fail({
      code: "E_METRIC_INPUT",
      where: "successes",
      expected: "a whole number from 0 to the trials, at least one",
      got: `${successes} of ${trials}`,
    });
}

/** Probability of a count as far from one half under a fair coin, on both sides. Throws E_METRIC_INPUT. */
export function signTest({ successes, trials }: Trials): number {
  assertTrials({ successes, trials });
  const fewer = Math.min(successes, trials - successes);
  // P(X ≤ k) = I_{1/2}(n − k, k + 1).
  return Math.min(1, 2 * betaParts({ x: 0.5, y: 0.5, a: trials - fewer, b: fewer + 1 }).below);
}

/** `exact`: Clopper & Pearson 1934; `wilson`: Wilson 1927; `wilson-corrected`: with continuity correction (Newcombe 1998). */
export type ProportionMethod = "exact" | "wilson" | "wilson-corrected";

interface IntervalOptions {
  readonly method?: ProportionMethod;
  readonly level?: number;
}

/** Interval that holds the true share of successes with probability `level`. Throws E_METRIC_INPUT. */
export function proportionInterval(
  counted: Trials,
  { method = "wilson", level = 0.95 }: IntervalOptions = {},
): Interval {
  assertTrials(counted);
  const tail = (1 - level) / 2;
  if (method === "exact") return exactInterval(counted, tail);
  return wilsonInterval(counted, { z: normal.quantile(1 - tail), correction: method === "wilson" ? 0 : 1 });
}

function exactInterval({ successes: k, trials: n }: Trials, tail: number): Interval {
  return {
    low: k === 0 ? 0 : betaDistribution(k, n - k + 1).quantile(tail),
    high: k === n ? 1 : betaDistribution(k + 1, n - k).quantile(1 - tail),
  };
}

function wilsonInterval(
  { successes: k, trials: n }: Trials,
  { z, correction }: { z: number; correction: 0 | 1 },
): Interval {
  const [p, q] = [k / n, 1 - k / n];
  const end = (side: 1 | -1): number => {
    const shift = side * correction;
    const root = z ** 2 + shift * 2 - correction / n + 4 * p * (n * q - shift);
    return (2 * k + z ** 2 + shift + side * z * Math.sqrt(root)) / (2 * (n + z ** 2));
  };
  return { low: k === 0 ? 0 : end(-1), high: k === n ? 1 : end(1) };
}
