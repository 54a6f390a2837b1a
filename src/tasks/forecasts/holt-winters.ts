/**
 * Exponential smoothing of a series: a level, a trend and a season, each an average that follows what comes (Holt 1957,
 * Winters 1960). The classical forecaster that learned ones are measured against.
 */
import { fail } from "../../tensor/index.ts";

export interface HoltWinters {
  /** α: share of the newest value in the level. */
  alpha: number;
  /** Before the first value. */
  level: number;
  /** Absent: none. `beta` is the share of the newest slope; `damping` φ makes the trend fade ahead (default 1). */
  trend?: { beta: number; start: number; damping?: number };
  /** Absent: none. `gamma` is the share of what is newest; `start` holds one period before the first value. */
  season?: { gamma: number; start: readonly number[]; form: "additive" | "multiplicative" };
}

export interface Smoothed {
  /** What was said of each time one time before. */
  fitted: number[];
  /** After each time; trend and season are absent where the model has none. */
  level: number[];
  trend?: number[];
  season?: number[];
  /** Σ (y − fitted)². */
  squaredError: number;
  /** Values at the next times. */
  forecast: number[];
}

interface Held {
  level: number;
  slope: number;
  /** Of the last period, the oldest first; without a season what changes nothing. */
  seasons: readonly number[];
}

/** How a season joins the rest, and how it is taken out. */
const forms = {
  additive: { join: (rest: number, season: number) => rest + season, without: (a: number, b: number) => a - b },
  multiplicative: { join: (rest: number, season: number) => rest * season, without: (a: number, b: number) => a / b },
};
const formOf = ({ season }: HoltWinters) => forms[season?.form ?? "additive"];

/** Smooths y, one value a time, and goes on for `ahead` times. Throws E_SEASON where a season has no times. */
export function holtWinters(y: ArrayLike<number>, model: HoltWinters, { ahead = 0 } = {}): Smoothed {
  if (model.season?.start.length === 0)
    fail({
      code: "E_SEASON",
      where: "holtWinters.season.start",
      expected: "a value for each time of a period",
      got: "none",
      hint: "Leave season out where nothing repeats.",
    });
  let held: Held = { level: model.level, slope: model.trend?.start ?? 0, seasons: model.season?.start ?? [0] };
  const after: Held[] = [];
  const fitted = Array.from(y, (value) => {
    const said = aheadOf(held, model, 1);
    held = follow(held, value, model);
    after.push(held);
    return said;
  });
  return {
    fitted,
    level: after.map(({ level }) => level),
    ...(model.trend && { trend: after.map(({ slope }) => slope) }),
    ...(model.season && { season: after.map(({ seasons }) => seasons.at(-1)!) }),
    squaredError: fitted.reduce((sum, said, t) => sum + (y[t]! - said) ** 2, 0),
    forecast: Array.from({ length: ahead }, (_, i) => aheadOf(held, model, i + 1)),
  };
}

/** The value so many times ahead: l + (φ + … + φⁿ) b with the season of that time. */
function aheadOf({ level, slope, seasons }: Held, model: HoltWinters, times: number): number {
  const damping = model.trend?.damping ?? 1;
  let growth = 0;
  for (let n = 1; n <= times; n++) growth += damping ** n * slope;
  return formOf(model).join(level + growth, seasons[(times - 1) % seasons.length]!);
}

function follow({ level, slope, seasons }: Held, value: number, model: HoltWinters): Held {
  const { alpha, trend, season } = model;
  const { without } = formOf(model);
  const grown = (trend?.damping ?? 1) * slope;
  const [own, ...others] = seasons as [number, ...number[]];
  const next = alpha * without(value, own) + (1 - alpha) * (level + grown);
  return {
    level: next,
    slope: trend ? trend.beta * (next - level) + (1 - trend.beta) * grown : 0,
    seasons: season ? [...others, season.gamma * without(value, level + grown) + (1 - season.gamma) * own] : seasons,
  };
}
