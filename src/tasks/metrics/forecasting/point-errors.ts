/**
 * Errors of forecasts in one number for each time: `y` what came, `f` what was said.
 * All throw E_METRIC_INPUT where lengths differ or nothing is given.
 */
import { assertLength, assertSome, meanOf } from "../classification/labelled.ts";
import { median } from "../statistics/describe.ts";

export interface Forecast {
  readonly y: ArrayLike<number>;
  readonly f: ArrayLike<number>;
}

/** One value for each time. */
function errorsOf({ y, f }: Forecast, error: (y: number, f: number) => number): number[] {
  assertSome("y", y.length);
  assertLength("f", f.length, y.length);
  return Array.from(y, (value, t) => error(value, f[t]!));
}

const meanError = (forecast: Forecast, error: (y: number, f: number) => number): number =>
  meanOf(errorsOf(forecast, error));

const absolute = (y: number, f: number): number => Math.abs(y - f);
const square = (y: number, f: number): number => (y - f) ** 2;

/** Mean absolute error. */
export const meanAbsoluteError = (forecast: Forecast): number => meanError(forecast, absolute);

/** Mean squared error. */
export const meanSquaredError = (forecast: Forecast): number => meanError(forecast, square);

export const rootMeanSquaredError = (forecast: Forecast): number => Math.sqrt(meanSquaredError(forecast));

export const medianAbsoluteError = (forecast: Forecast): number => median(errorsOf(forecast, absolute));

export const maxError = (forecast: Forecast): number =>
  errorsOf(forecast, absolute).reduce((most, error) => Math.max(most, error));

/**
 * Mean |y − f| / |y|, as a share (0.1 is 10 %). Times with y = 0, where no error is a share of anything, are left out;
 * NaN where all are.
 */
export function meanAbsolutePercentageError(forecast: Forecast): number {
  return meanOf(errorsOf(forecast, (y, f) => Math.abs(y - f) / Math.abs(y)).filter((_, t) => forecast.y[t] !== 0));
}

/**
 * Symmetric MAPE. Two scales are in use: `unit` has mean |y − f| / (|y| + |f|), 0 to 1 (utilsforecast); `double` twice
 * that, 0 to 2 (M4, sktime). Both zero counts as no error.
 */
export function symmetricPercentageError(forecast: Forecast, { scale }: { scale: "unit" | "double" }): number {
  const share = meanError(forecast, (y, f) => (y === f ? 0 : Math.abs(y - f) / (Math.abs(y) + Math.abs(f))));
  return scale === "unit" ? share : 2 * share;
}

/** 1 − Σ(y − f)² / Σ(y − mean)²: 1 at best, 0 for the mean of what came. */
export const determination = (forecast: Forecast): number =>
  1 - meanSquaredError(forecast) / spreadOf(errorsOf(forecast, (y) => y));

/** As `determination`, with the mean error taken out first. */
export const explainedVariance = (forecast: Forecast): number =>
  1 - spreadOf(errorsOf(forecast, (y, f) => y - f)) / spreadOf(errorsOf(forecast, (y) => y));

function spreadOf(values: readonly number[]): number {
  const centre = meanOf(values);
  return meanOf(values.map((value) => (value - centre) ** 2));
}

/** 1 − mean |y − f| / mean |y − median|: 1 at best, 0 for the median of what came. */
export function absoluteDetermination(forecast: Forecast): number {
  const centre = median(forecast.y);
  return 1 - meanAbsoluteError(forecast) / meanError(forecast, (y) => Math.abs(y - centre));
}

/** Quantile (pinball) loss: mean of q(y − f) above the forecast and (1 − q)(f − y) below. Without a factor 2. */
export const quantileLoss = (forecast: Forecast, { q }: { q: number }): number =>
  meanError(forecast, (y, f) => Math.max(q * (y - f), (q - 1) * (y - f)));
