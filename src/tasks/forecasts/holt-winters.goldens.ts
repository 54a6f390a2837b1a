/** statsmodels' exponential smoothing with fixed weights and starts. */
import type { GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { type HoltWinters, holtWinters, type Smoothed } from "./holt-winters.ts";

function modelOf(c: GoldenCase): HoltWinters {
  const trend = {
    beta: c.number("beta", 0),
    start: c.number("trend0", 0),
    damping: c.flag("damped") ? c.number("phi") : 1,
  };
  const season = {
    gamma: c.number("gamma", 0),
    start: c.list("season0", []),
    form: c.text("seasonal", "add") === "mul" ? "multiplicative" : "additive",
  } as const;
  return {
    alpha: c.number("alpha"),
    level: c.number("level0"),
    ...(c.config.trend !== undefined && { trend }),
    ...(c.config.seasonal !== undefined && { season }),
  };
}

/**
 * The source's forecasts: where ours have the last season again (whole periods ahead), it has the one of a period before,
 * as it writes over the last before it repeats them. All else is ours.
 */
function withOlderSeasons({ forecast, season }: Smoothed, model: HoltWinters): number[] {
  if (!season || !model.season) return forecast;
  const { start, form } = model.season;
  const [last, older] = [season.at(-1)!, season.at(-1 - start.length)!];
  return forecast.map((value, i) => {
    if ((i + 1) % start.length !== 0) return value;
    return form === "additive" ? value - last + older : (value / last) * older;
  });
}

export const adapters: readonly GoldenAdapter[] = [
  {
    kind: "timeseries",
    component: "holt-winters",
    compute(c) {
      const model = modelOf(c);
      const smoothed = holtWinters(c.values("in.y"), model, { ahead: c.number("h") });
      const { fitted, level, trend, season, squaredError } = smoothed;
      return {
        "out.fitted": fitted,
        "out.level": level,
        ...(trend && { "out.trend": trend }),
        ...(season && { "out.season": season }),
        "out.sse": [squaredError],
        "out.forecast": withOlderSeasons(smoothed, model),
      };
    },
  },
];
