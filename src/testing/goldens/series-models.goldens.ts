/** Forecasters of neuralforecast and of the Time-Series-Library that are models of our specs over series in place of times. */
import { forecastByParts, forecastFromLast, normaliseSeries } from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "./index.ts";
import { fourMaps } from "./layer-families-decoder.fixture.ts";
import { linearOf } from "./layer-parts.fixture.ts";
import { runStored, type StoredLayer, stackOf } from "./model-of.fixture.ts";

const mapOf = (c: GoldenCase, name: string) => ({
  weight_TS: c.tensor(`param.${name}.weight`).transpose([1, 0]),
  offset_S: c.tensor(`param.${name}.bias`),
});

/** A map whose kernel is one step long. */
const pointwise = (c: GoldenCase, name: string) => {
  const { weight, bias } = linearOf(c, name);
  return { weight: weight.squeeze(2), bias };
};

interface Inverted {
  heads: number;
  layers: number;
  /** The last map, from the width to the times ahead. */
  projector: string;
}

/** iTransformer: a token holds the whole past of a series; tokens beyond the series may stand beside them. */
function inverted(c: GoldenCase, x_BTD: Tensor, { heads, layers, projector }: Inverted, beside?: Tensor): Tensor {
  const layer = (i: number): StoredLayer => {
    const at = `encoder.attn_layers.${i}`;
    const maps = ["query", "key", "value", "out"].map((name) => `${name}_projection`);
    return {
      mixer: { options: { heads, causal: false }, maps: fourMaps(c, `${at}.attention`, maps) },
      channel: { up: pointwise(c, `${at}.conv1`), down: pointwise(c, `${at}.conv2`), activation: "gelu" },
      norm: { kind: "layer", epsilon: 1e-5, names: { mixer: `${at}.norm1`, channel: `${at}.norm2` } },
      placement: "post",
    };
  };
  const all = Array.from({ length: layers }, (_, i) => layer(i));
  const { spec, parameters } = stackOf(c, all, { name: "encoder.norm", kind: "layer", epsilon: 1e-5 });
  const { weight, bias } = linearOf(c, "enc_embedding.value_embedding");
  const tokens = concat(1, [x_BTD.swap(1, 2), ...(beside ? [beside.swap(1, 2)] : [])]);
  const embedded = {
    spec: { ...spec, embedding: { kind: "features", size: weight.dim(1), bias: true } },
    parameters: { ...parameters, "embedding.project": weight.transpose([1, 0]), "embedding.bias": bias },
  };
  const y = runStored(tokens, embedded, weight.dim(0)).slice(1, 0, x_BTD.dim(2));
  const last = mapOf(c, projector);
  return y.matmul(last.weight_TS).add(last.offset_S).swap(1, 2);
}

/** neuralforecast's models. */
function neural(c: GoldenCase): GoldenGraph | Absent {
  const y = c.tensor("in.y");
  const given = c.config.kwargs as Readonly<Record<string, number | boolean>>;
  switch (c.text("model")) {
    case "DLinear": {
      const maps = { trend: mapOf(c, "linear_trend"), season: mapOf(c, "linear_season") };
      return { outputs: { "out.y": forecastByParts(y, { ...maps, window: Number(given.moving_avg_window) }) } };
    }
    case "NLinear":
      return { outputs: { "out.y": forecastFromLast(y, mapOf(c, "linear")) } };
    case "iTransformer": {
      const sizes = { heads: Number(given.n_heads), layers: Number(given.e_layers), projector: "projector" };
      if (given.use_norm === false) return { outputs: { "out.y": inverted(c, y, sizes) } };
      const { normed, restore } = normaliseSeries(y);
      return { outputs: { "out.y": restore(inverted(c, normed, sizes)) } };
    }
    default:
      return `absent: the model ${c.text("model")}`;
  }
}

/** The Time-Series-Library's models, whose settings are these where the case does not say otherwise. */
function library(c: GoldenCase): GoldenGraph | Absent {
  const x = c.tensor("in.x_enc");
  const settings = {
    e_layers: 1,
    n_heads: 2,
    moving_avg: 5,
    ...(c.config.settings as Readonly<Record<string, number>>),
  };
  switch (c.text("model")) {
    case "DLinear": {
      const maps = { trend: mapOf(c, "Linear_Trend"), season: mapOf(c, "Linear_Seasonal") };
      return { outputs: { "out.y": forecastByParts(x, { ...maps, window: settings.moving_avg }) } };
    }
    case "iTransformer": {
      const { normed, restore } = normaliseSeries(x);
      const sizes = { heads: settings.n_heads, layers: settings.e_layers, projector: "projection" };
      return { outputs: { "out.y": restore(inverted(c, normed, sizes, c.tensor("in.x_mark_enc"))) } };
    }
    default:
      return `absent: the model ${c.text("model")}`;
  }
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "timeseries", component: "model", build: neural },
  { kind: "timeseries", component: "forecaster", build: library },
];
