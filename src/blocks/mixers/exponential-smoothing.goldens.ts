/** ETSformer's attention by exponential smoothing, of the changes of its values. */
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { exponentialSmoothing } from "./exponential-smoothing.ts";

function build(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const config = exponentialSmoothing.config.parse({ heads: c.number("heads"), of: "changes" });
  const columns = (name: string) => storedWeight(c.tensor(`param.${name}.weight`).transpose([1, 0]));
  const p = {
    value: columns("project_in"),
    valueBias: storedWeight(c.tensor("param.project_in.bias")),
    share: storedWeight(c.tensor("param.alpha")),
    start: storedWeight(c.tensor("param.initial_state").reshape([-1])),
    out: columns("project_out"),
    outBias: storedWeight(c.tensor("param.project_out.bias")),
  };
  const at = { c: config, d: exponentialSmoothing.dims(config, x.dim(2)), p, s: {}, b: {}, io: storedIo() };
  const { y } = exponentialSmoothing.forward(x, at);
  return { outputs: { "out.y": y, "out.naive": y } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "timeseries", component: "exponential-smoothing-attention", build },
];
