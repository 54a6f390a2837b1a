/** Training curves as they are drawn: averaged over short stretches of training, then over seeds. */
import type { ComparisonResult, CurvePoint } from "../../analysis/index.ts";

/** One stretch of training: mean over the seeds with a finite loss, and the lowest and highest of them. NaN where no seed has one. */
export interface CurveBin {
  tokens: number;
  seconds: number;
  loss: number;
  low: number;
  high: number;
}

export const BINS = 120;

/** At most {@link BINS} stretches of equal length in tokens. */
export function meanCurve({ curves }: Pick<ComparisonResult, "curves">): CurveBin[] {
  const seeds = curves.map((curve) =>
    curve.points.filter(({ tokens, seconds }) => Number.isFinite(tokens) && Number.isFinite(seconds)),
  );
  const total = seeds.flat().reduce((most, { tokens }) => Math.max(most, tokens), 1);
  const binned = seeds.map((points) => intoBins(points, total));
  return Array.from({ length: BINS }, (_, i) => binned.flatMap((bins) => bins[i] ?? [])).flatMap((perSeed) =>
    perSeed.length === 0 ? [] : [averaged(perSeed)],
  );
}

/** Points of one seed by stretch; a stretch without points stays undefined. */
function intoBins(points: readonly CurvePoint[], total: number): (CurvePoint[][] | undefined)[] {
  const bins: (CurvePoint[][] | undefined)[] = [];
  for (const point of points) {
    const i = Math.max(0, Math.ceil((point.tokens / total) * BINS - 1e-9) - 1);
    const bin = bins[i]?.[0];
    if (bin) bin.push(point);
    else bins[i] = [[point]];
  }
  return bins;
}

/** Number of seeds in which some loss was not a finite number. */
export function divergedSeeds({ curves }: Pick<ComparisonResult, "curves">): number {
  return curves.filter((curve) => curve.points.some((point) => !Number.isFinite(point.loss))).length;
}

/**
 * The highest loss worth drawing: above what any curve reaches after the first 4 % of training there is only the steep start, which would
 * flatten all that follows. A diverging run is cut off a little above where the curves began.
 */
export function lossCeiling(curves: readonly CurveBin[][]): number {
  const starts = curves.flatMap((bins) =>
    bins
      .filter((bin) => Number.isFinite(bin.loss))
      .slice(0, 1)
      .map((bin) => bin.loss),
  );
  const settled = curves.flatMap((bins) =>
    bins.filter((bin) => bin.tokens >= 0.04 * (bins.at(-1)?.tokens ?? 0)).map((bin) => bin.high),
  );
  const highest = Math.max(...settled.filter(Number.isFinite), Number.NEGATIVE_INFINITY);
  const start = starts.sort((a, b) => a - b)[Math.floor(starts.length / 2)] ?? highest;
  return Math.min(highest, start * 1.1);
}

/** The bins at or below the ceiling, with the crossing point put in where the curve comes down through it. */
export function belowCeiling(bins: readonly CurveBin[], ceiling: number): CurveBin[] {
  return bins.flatMap((bin, i) => {
    if (!(bin.loss <= ceiling)) return [{ ...bin, loss: Number.NaN, low: Number.NaN, high: Number.NaN }];
    const before = bins[i - 1];
    const cut = { ...bin, high: Math.min(bin.high, ceiling) };
    return before !== undefined && before.loss > ceiling ? [crossing(before, bin, ceiling), cut] : [cut];
  });
}

function crossing(above: CurveBin, below: CurveBin, ceiling: number): CurveBin {
  const share = (above.loss - ceiling) / (above.loss - below.loss);
  const between = (from: number, to: number) => from + share * (to - from);
  const low = Math.min(ceiling, between(above.low, below.low));
  return {
    tokens: between(above.tokens, below.tokens),
    seconds: between(above.seconds, below.seconds),
    loss: ceiling,
    low,
    high: ceiling,
  };
}

function averaged(perSeed: readonly CurvePoint[][]): CurveBin {
  const losses = perSeed.map((points) => mean(points.map((point) => point.loss))).filter(Number.isFinite);
  const across = (pick: (point: CurvePoint) => number) => mean(perSeed.map((points) => mean(points.map(pick))));
  const [tokens, seconds] = [across((point) => point.tokens), across((point) => point.seconds)];
  if (losses.length === 0) return { tokens, seconds, loss: Number.NaN, low: Number.NaN, high: Number.NaN };
  return { tokens, seconds, loss: mean(losses), low: Math.min(...losses), high: Math.max(...losses) };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
