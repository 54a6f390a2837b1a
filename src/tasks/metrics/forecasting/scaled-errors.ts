/** Errors against the naive forecast "as one season ago" on the training series. Hyndman & Koehler 2006. */
import { fail } from "../../../tensor/error.ts";
import { meanOf } from "../classification/labelled.ts";
import { type Forecast, meanAbsoluteError, meanSquaredError } from "./point-errors.ts";

interface Scale {
  /** The series before the forecast. */
  readonly train: ArrayLike<number>;
  /** Steps a season; default 1. */
  readonly season?: number;
}

/** MASE: below 1 is better than the naive forecast on the training series. Infinite where that one is never wrong. */
export const meanAbsoluteScaledError = (forecast: Forecast, scale: Scale): number =>
  meanAbsoluteError(forecast) / meanOf(seasonalSteps(scale).map(Math.abs));

/** MSSE, the square of RMSSE. */
export const meanSquaredScaledError = (forecast: Forecast, scale: Scale): number =>
  meanSquaredError(forecast) / meanOf(seasonalSteps(scale).map((step) => step ** 2));

/** RMSSE, the measure of the M5 competition. */
export const rootMeanSquaredScaledError = (forecast: Forecast, scale: Scale): number =>
  Math.sqrt(meanSquaredScaledError(forecast, scale));

/** y_t − y_{t−season}. Throws E_METRIC_INPUT where the series is no longer than a season. */
function seasonalSteps({ train, season = 1 }: Scale): number[] {
  if (!Number.isInteger(season) || season < 1 || train.length <= season)
    fail({
      code: "E_METRIC_INPUT",
      where: "train",
      expected: `more values than the ${season} of a season`,
      got: `${train.length}`,
    });
  return Array.from(train)
    .slice(season)
    .map((value, t) => value - train[t]!);
}
