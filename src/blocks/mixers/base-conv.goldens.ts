/** zoology's BaseConv. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { baseConv } from "./base-conv.ts";
import { columnsOf, kernelOf, weightOf } from "./mamba-2.goldens.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

function filterWeights(c: GoldenCase) {
  const at = (name: string) => c.tensor(`param.conv.${name}`);
  if (c.has("param.conv.filter")) return { filter: "explicit", p: { conv: weightOf(at("filter")) } } as const;
  if (c.has("param.conv.conv.weight"))
    return { filter: "short", p: { conv: kernelOf(at("conv.weight")), convBias: weightOf(at("conv.bias")) } } as const;
  const p = {
    lags: weightOf(at("pos_emb.z").squeeze(0)),
    first: columnsOf(at("mlp.0.weight")),
    firstBias: weightOf(at("mlp.0.bias")),
    last: columnsOf(at("mlp.2.weight")),
    lastBias: weightOf(at("mlp.2.bias")),
  };
  return { filter: "implicit", p } as const;
}

function build(c: GoldenCase): GoldenGraph {
  const { filter, p } = filterWeights(c);
  const kwargs = c.config.kwargs as Record<string, unknown>;
  const config = baseConv.config.parse({
    filter,
    maxTokens: c.number("l_max"),
    ...(filter === "short" && { taps: kwargs.kernel_size }),
    activation: kwargs.use_act === true ? "silu" : "none",
  });
  const weights = {
    projection: columnsOf(c.tensor("param.projection.weight")),
    projectionBias: weightOf(c.tensor("param.projection.bias")),
    ...p,
  };
  const x = c.tensor("in.x");
  const d = baseConv.dims(config, x.dim(2));
  return {
    outputs: { "out.y": baseConv.forward(x, { c: config, d, p: weights, s: {}, b: {}, io: goldenIo() }).y },
  };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "base-conv", build }];
