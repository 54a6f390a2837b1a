/** Hyena of safari and zoology: the order of filters and biases is [convolution, channel]. */
import { concat, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { filtersOf, hyena } from "./hyena.ts";
import { columnsOf, kernelOf, weightOf } from "./mamba-2.goldens.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph {
  const at = (name: string) => c.tensor(`param.${name}`);
  const parts = (name: string) => (c.component === "hyena-mqar" ? swapped(at(name)) : at(name));
  const mlp = (index: number) => `filter_fn.implicit_filter.${index}`;
  const linears = c.names("param.filter_fn.implicit_filter.").filter((name) => name.endsWith("weight")).length;
  const kwargs = (c.config.kwargs ?? {}) as Record<string, unknown>;
  const config = hyena.config.parse({
    order: c.number("order", 2),
    filterWidth: c.number("filter_order"),
    filterLayers: linears - 2,
    lagFeatures: kwargs.emb_dim ?? 3,
    maxTokens: c.number("l_max"),
  });
  const hidden = Array.from({ length: linears - 2 }, (_, i) => [
    [`layer${i}`, columnsOf(at(`${mlp(2 * i + 2)}.weight`))],
    [`layer${i}Bias`, weightOf(at(`${mlp(2 * i + 2)}.bias`))],
  ]);
  const p = {
    in: columnsOf(parts("in_proj.weight")),
    inBias: weightOf(parts("in_proj.bias")),
    conv: kernelOf(parts("short_filter.weight")),
    convBias: weightOf(parts("short_filter.bias")),
    lags: weightOf(at("filter_fn.pos_emb.z").squeeze(0)),
    first: columnsOf(at(`${mlp(0)}.weight`)),
    firstBias: weightOf(at(`${mlp(0)}.bias`)),
    ...Object.fromEntries(hidden.flat()),
    sine: weightOf(at(`${mlp(1)}.freq`).squeeze(0)),
    last: columnsOf(at(`${mlp(2 * linears - 2)}.weight`)),
    skip: weightOf(at("filter_fn.bias")),
    out: columnsOf(at("out_proj.weight")),
    outBias: weightOf(at("out_proj.bias")),
  };
  const x = c.tensor("in.x");
  const d = hyena.dims(config, x.dim(2));
  const { y } = hyena.forward(x, { c: config, d, p, s: {}, b: {}, io: goldenIo() });
  const filters = filtersOf(p, { lags: x.dim(1), d, layers: config.filterLayers });
  return { outputs: { "out.y": y, ...(c.has("out.filter") && { "out.filter": filters.transpose([1, 0]) }) } };
}

/** zoology multiplies by the first part before the convolution and by the second after it; safari the other way round. */
function swapped(rows: Tensor): Tensor {
  const size = rows.dim(0) / 3;
  const [first, second, values] = rows.split(0, [size, size, size]);
  return concat(0, [second!, first!, values!]);
}

export const adapters: readonly GoldenAdapter[] = ["hyena", "hyena-mqar"].map((component) => ({
  kind: "blocks",
  component,
  build,
}));
