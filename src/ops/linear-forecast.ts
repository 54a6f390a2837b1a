/**
 * Forecasts that are one linear map over time, the same for every feature: what any other forecaster has to beat.
 * Zeng et al. 2023 (arXiv 2205.13504), section 4. Axes: B batch, T times seen, S times ahead, D features.
 */
import type { Tensor } from "../tensor/index.ts";
import { decomposeSeries } from "./series.ts";

export interface TimeMap {
  weight_TS: Tensor;
  offset_S?: Tensor | undefined;
}

/** x [B, T, D] → [B, S, D]. */
function alongTime(x_BTD: Tensor, { weight_TS, offset_S }: TimeMap): Tensor {
  const y_BDS = x_BTD.swap(1, 2).matmul(weight_TS);
  return (offset_S ? y_BDS.add(offset_S) : y_BDS).swap(1, 2);
}

/** DLinear: a map of the moving average over `window` times and one of what is left, added. */
export function forecastByParts(
  x_BTD: Tensor,
  { trend, season, window }: { trend: TimeMap; season: TimeMap; window: number },
): Tensor {
  const parts = decomposeSeries(x_BTD, { window });
  return alongTime(parts.trend, trend).add(alongTime(parts.season, season));
}

/** NLinear: a map of how far values are from the last one, and the last one again. */
export function forecastFromLast(x_BTD: Tensor, map: TimeMap): Tensor {
  const last = x_BTD.slice(1, -1);
  return alongTime(x_BTD.sub(last), map).add(last);
}
