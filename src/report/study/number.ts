/** How the measures of a study are written. */

import type { Figure } from "../../analysis/index.ts";
import { type MeasureName, measures } from "../../analysis/index.ts";
import { MISSING, percent, plusMinus, shortCount, threeDigits } from "../format.ts";

/** A figure of a measure: `2.31 ± 0.04`, `98.4 % ± 0.8`, `60.2k`. */
export function measureText(measure: MeasureName, found: Figure | undefined): string {
  if (found === undefined || !Number.isFinite(found.mean)) return MISSING;
  const { unit } = measures[measure];
  if (unit === "count") return shortCount(found.mean);
  if (unit === "ratio" && found.mean < 0.001) return found.mean === 0 ? "0" : found.mean.toExponential(0);
  if (unit !== "share") return plusMinus(found, unit === "ratio" ? undefined : 3);
  const scaled = { ...found, mean: 100 * found.mean, spread: 100 * found.spread };
  return `${plusMinus(scaled, 1)} %`;
}

/** A bare value, for axes. */
export function axisText(measure: MeasureName, value: number): string {
  const { unit } = measures[measure];
  if (unit === "share") return percent(value);
  return unit === "count"
    ? shortCount(value)
    : threeDigits(value)
        .replace(/(\.\d*?)0+$/, "$1")
        .replace(/\.$/, "");
}

/** `test loss (bits)`. */
export function measureTitle(measure: MeasureName): string {
  const { title, unit } = measures[measure];
  return unit === "bits" || unit === "nats" ? `${title} (${unit})` : title;
}
