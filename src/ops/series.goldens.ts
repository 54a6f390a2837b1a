/** Decomposition and RevIN of neuralforecast, ETSformer's level, growth and waves, and Autoformer's attention. */
import type { Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { autoCorrelation } from "./auto-correlation.ts";
import { dampedGrowth, exponentialLevel } from "./exponential-level.ts";
import { decomposeSeries, normaliseSeries } from "./series.ts";
import { strongestWaves } from "./strongest-waves.ts";

/** A stored map of features: rows are outputs. */
const mapped = (c: GoldenCase, x: Tensor, name: string): Tensor =>
  x.matmul(c.tensor(`param.${name}.weight`), { transB: true }).add(c.tensor(`param.${name}.bias`));

const decomposition = (c: GoldenCase): GoldenGraph => {
  const { trend, season } = decomposeSeries(c.tensor("in.x"), { window: c.number("window") });
  return { outputs: { "out.trend": trend, "out.season": season } };
};

const reversible = (c: GoldenCase): GoldenGraph => {
  const { normed, restore } = normaliseSeries(c.tensor("in.x"), {
    centre: c.flag("last") ? "last" : "mean",
    gain: c.maybe("param.affine_weight"),
    offset: c.maybe("param.affine_bias"),
    epsilon: c.number("eps"),
    learns: false,
  });
  return { outputs: { "out.normed": normed, "out.denormed": restore(c.tensor("in.z")) } };
};

function levelAndGrowth(c: GoldenCase): GoldenGraph {
  const level = exponentialLevel(c.tensor("in.x"), {
    season_BTD: mapped(c, c.tensor("in.season"), "level.to_seasonal"),
    growth_BTD: mapped(c, c.tensor("in.growth"), "level.to_growth"),
    share: c.tensor("param.level.alpha"),
  });
  const growth = dampedGrowth(c.tensor("in.growths").at(1, -1), {
    damping_H: c.tensor("param.dampen.dampen_factor"),
    ahead: c.number("h"),
  });
  return { outputs: { "out.level": level, "out.growth": growth } };
}

const correlated = (c: GoldenCase): GoldenGraph => {
  const [q, k, v] = [c.tensor("in.q"), c.tensor("in.k"), c.tensor("in.v")];
  const options = { factor: c.number("factor"), delays: c.flag("training") ? "shared" : "each" } as const;
  return { outputs: { "out.y": autoCorrelation({ q, k, v }, options) } };
};

const waves = (c: GoldenCase): GoldenGraph => ({
  outputs: { "out.y": strongestWaves(c.tensor("in.x"), { count: c.number("K") }) },
});

export const adapters: readonly GoldenAdapter[] = [
  { kind: "timeseries", component: "moving-average-decomposition", build: decomposition },
  { kind: "timeseries", component: "revin", build: reversible },
  { kind: "timeseries", component: "ets-level", build: levelAndGrowth },
  { kind: "timeseries", component: "auto-correlation", build: correlated },
  { kind: "timeseries", component: "frequency-attention", build: waves },
];
