/** What may be concluded from a comparison: who leads, whether the lead exceeds the spread, and whether the look was a quick one. */
import type { BitsPerByte, Comparison, ComparisonResult } from "../analysis/index.ts";
import { extent } from "./figures/ticks.ts";
import { shortCount } from "./format.ts";
import type { Series } from "./series.ts";

export const QUICK_CAVEAT = "A quick look ranks learning speed, not final quality.";

/**
 * A quarter of the 20 tokens per parameter at which training is compute-optimal (Hoffmann et al. 2022, arXiv 2203.15556):
 * with fewer, a curve is still in its steep part.
 */
const QUICK_TOKENS_PER_PARAM = 5;

export function isQuick({ protocol, results }: Comparison): boolean {
  if (/(^|\s)--quick(\s|$)/.test(protocol.command)) return true;
  return results.some(({ tokens, params }) => tokens < QUICK_TOKENS_PER_PARAM * params);
}

/** What models are ranked by: "bits per byte", with a task "bits per target byte" or "bits per answer". */
export const bitsName = ({ data }: Comparison["protocol"]): string => `bits per ${data.task?.bitsPer ?? "byte"}`;

interface Lead {
  best: Series;
  /** Absent where only one model has a finite score. */
  second?: Series;
  gap: number;
  /** The larger spread of the two; NaN where only one seed was trained. */
  noise: number;
  verdict: "alone" | "ahead" | "tie" | "unknown";
}

/** The first two by validation bits per byte; a gap within their spread is a tie. */
export function leadOf(series: readonly Series[]): Lead | undefined {
  const [best, second] = series.filter((one) => Number.isFinite(one.result.bitsPerByte.mean));
  if (best === undefined) return undefined;
  if (second === undefined) return { best, gap: Number.NaN, noise: Number.NaN, verdict: "alone" };
  const scores = [best.result.bitsPerByte, second.result.bitsPerByte] as const;
  const gap = scores[1].mean - scores[0].mean;
  const noise = Math.max(...scores.map(seedSpread));
  return { best, second, gap, noise, verdict: Number.isNaN(noise) ? "unknown" : gap <= noise ? "tie" : "ahead" };
}

/** The model with the largest (or smallest) finite value of a figure, and undefined where fewer than two have one. */
export function extreme(
  series: readonly Series[],
  value: (result: ComparisonResult) => number,
  which: "most" | "least",
): Series | undefined {
  const known = series.filter((one) => Number.isFinite(value(one.result)));
  const sign = which === "most" ? -1 : 1;
  return known.length < 2 ? undefined : known.toSorted((a, b) => sign * (value(a.result) - value(b.result)))[0];
}

const seedSpread = ({ spread, n }: BitsPerByte): number => (n > 1 ? spread : Number.NaN);

/** "492k", or "310k to 492k" where the budget gave each model its own number. */
export function tokensText({ protocol, results }: Comparison): string {
  const tokens = extent(protocol.tokens === null ? results.map((result) => result.tokens) : [protocol.tokens]);
  if (tokens === undefined) return "no";
  return tokens.low === tokens.high
    ? shortCount(tokens.low)
    : `${shortCount(tokens.low)} to ${shortCount(tokens.high)}`;
}
