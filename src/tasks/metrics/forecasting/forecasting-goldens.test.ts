/** `metrics/forecasting`: values of scikit-learn, utilsforecast, sktime, properscoring, scoringrules. */
import { describe, expect, it } from "vitest";
import { goldensMissing } from "../../../testing/goldens/index.ts";
import { expectValues, jsonCases } from "../json-cases.fixture.ts";
import * as point from "./point-errors.ts";
import * as probabilistic from "./probabilistic-errors.ts";
import { meanAbsoluteScaledError, meanSquaredScaledError, rootMeanSquaredScaledError } from "./scaled-errors.ts";

interface ForecastCase {
  config: { season: number };
  train: number[][];
  y: number[][];
  forecast: number[][];
  lower: number[][];
  upper: number[][];
  ensemble: number[][][];
  ensemble_weights: number[][][];
  sigma: number[][];
  expected: Record<string, unknown>;
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function pooled({ y, forecast }: ForecastCase): Record<string, unknown> {
  const flat = { y: y.flat(), f: forecast.flat() };
  return {
    mse: point.meanSquaredError(flat),
    mae: point.meanAbsoluteError(flat),
    rmse: point.rootMeanSquaredError(flat),
    r2_uniform: mean(y.map((one, i) => point.determination({ y: one, f: forecast[i]! }))),
    r2_flat: point.determination(flat),
    median_absolute_error: point.medianAbsoluteError(flat),
    explained_variance: point.explainedVariance(flat),
    max_error: point.maxError(flat),
    pinball_0_1: point.quantileLoss(flat, { q: 0.1 }),
    d2_absolute: point.absoluteDetermination(flat),
  };
}

function perSeries({ y, forecast, train, config: { season }, lower, upper }: ForecastCase): Record<string, unknown> {
  const of = (measure: (forecast: point.Forecast, i: number) => number) =>
    y.map((one, i) => measure({ y: one, f: forecast[i]! }, i));
  const mase = of((one, i) => meanAbsoluteScaledError(one, { train: train[i]!, season }));
  const interval = (i: number) => y[i]!.map((value, t) => ({ y: value, low: lower[i]![t]!, high: upper[i]![t]! }));
  return {
    utilsforecast_per_series: {
      mae: of(point.meanAbsoluteError),
      mse: of(point.meanSquaredError),
      rmse: of(point.rootMeanSquaredError),
      mape: of(point.meanAbsolutePercentageError),
      smape: of((one) => point.symmetricPercentageError(one, { scale: "unit" })),
      mase,
      mase_lag1: of((one, i) => meanAbsoluteScaledError(one, { train: train[i]! })),
      rmsse: of((one, i) => rootMeanSquaredScaledError(one, { train: train[i]!, season })),
      quantile_loss_0_9: of((one) => point.quantileLoss(one, { q: 0.9 })),
      coverage: y.map((_, i) => probabilistic.coverage(interval(i))),
    },
    sktime_per_series: {
      smape: of((one) => point.symmetricPercentageError(one, { scale: "double" })),
      mape: of(point.meanAbsolutePercentageError),
      mase,
      msse: of((one, i) => meanSquaredScaledError(one, { train: train[i]!, season })),
    },
  };
}

function perTime({ y, forecast, ensemble, ensemble_weights: weights, sigma, lower, upper }: ForecastCase) {
  const of = (measure: (value: number, i: number, t: number) => unknown) =>
    y.map((series, i) => series.map((value, t) => measure(value, i, t)));
  const members = of((value, i, t) => ({ y: value, members: ensemble[i]![t]! })) as {
    y: number;
    members: number[];
  }[][];
  const ensembles = (measure: (one: { y: number; members: number[] }) => unknown) =>
    members.map((row) => row.map(measure));
  const located = (value: number, i: number, t: number) => ({
    y: value,
    centre: forecast[i]![t]!,
    scale: sigma[i]![t]!,
  });
  const crps = ensembles((one) => probabilistic.ensembleCrps(one));
  const gaussian = of((...place) => probabilistic.normalCrps(located(...place)));
  return {
    crps_ensemble: crps,
    crps_ensemble_weighted: of((_, i, t) => probabilistic.weightedCrps(members[i]![t]!, weights[i]![t]!)),
    crps_gaussian: gaussian,
    brier_threshold_0: ensembles((one) => [4, 6].map((threshold) => probabilistic.thresholdBrier(one, { threshold }))),
    scoringrules_crps_nrg: crps,
    scoringrules_crps_fair: ensembles((one) => probabilistic.ensembleCrps(one, { pairs: "fair" })),
    scoringrules_crps_normal: gaussian,
    scoringrules_crps_laplace: of((...place) => probabilistic.laplaceCrps(located(...place))),
    scoringrules_logs_normal: of((...place) => probabilistic.normalLogScore(located(...place))),
    energy_score: y.map((series, i) => {
      const paths = ensemble[i]![0]!.map((_, member) => ensemble[i]!.map((time) => time[member]!));
      return probabilistic.energyScore({ y: series, members: paths });
    }),
    interval_score_0_2: of((value, i, t) =>
      probabilistic.intervalScore({ y: value, low: lower[i]![t]!, high: upper[i]![t]! }, { alpha: 0.2 }),
    ),
    quantile_score_0_3: of((value, i, t) => point.quantileLoss({ y: [value], f: [forecast[i]![t]!] }, { q: 0.3 })),
  };
}

const missing = goldensMissing();

describe.skipIf(missing)(`forecast scores${missing ? `: ${missing}` : ""}`, () => {
  it.each(jsonCases<ForecastCase>("metrics/forecasting"))("$name agrees", ({ value }) => {
    expectValues({ ...pooled(value), ...perSeries(value), ...perTime(value) }, value.expected);
  });
});

describe("forecast errors", () => {
  const forecast = { y: [2, 0, 4, -5], f: [1, 1, 6, -5] };

  it("[mae-mse-mape] equal numbers worked by hand", () => {
    expect(point.meanAbsoluteError(forecast)).toBe(1);
    expect(point.meanSquaredError(forecast)).toBe(1.5);
    expect(point.rootMeanSquaredError(forecast)).toBeCloseTo(Math.sqrt(1.5), 12);
    // |1|/3, |1|/1, |2|/10, 0/10.
    expect(point.symmetricPercentageError(forecast, { scale: "unit" })).toBeCloseTo((1 / 3 + 1 + 0.2) / 4, 12);
    // Training steps 1, 2, 3: the naive forecast is wrong by 2 on average.
    expect(meanAbsoluteScaledError(forecast, { train: [0, 1, 3, 6] })).toBe(0.5);
    expect(meanAbsoluteScaledError(forecast, { train: [0, 1, 3, 6], season: 2 })).toBe(0.25);
  });

  it("[mae-mse-mape] MAPE leaves zero targets out", () => {
    expect(point.meanAbsolutePercentageError(forecast)).toBeCloseTo((1 / 2 + 2 / 4 + 0) / 3, 12);
    expect(point.meanAbsolutePercentageError({ y: [0], f: [1] })).toBeNaN();
    expect(point.symmetricPercentageError({ y: [0, 1], f: [0, 1] }, { scale: "double" })).toBe(0);
  });

  it("refuse what does not correspond", () => {
    expect(() => point.meanAbsoluteError({ y: [1, 2], f: [1] })).toThrow(
      "f: expected 2 values, got 1. [E_METRIC_INPUT]",
    );
    expect(() => point.meanAbsoluteError({ y: [], f: [] })).toThrow("[E_METRIC_INPUT]");
    expect(() => meanAbsoluteScaledError(forecast, { train: [1, 2], season: 2 })).toThrow("[E_METRIC_INPUT]");
  });
});
