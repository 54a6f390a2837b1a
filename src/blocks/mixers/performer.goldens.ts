/** performer-pytorch's self-attention. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { columnsOf, weightOf } from "./mamba-2.goldens.ts";
import { performer } from "./performer.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

function build(c: GoldenCase): GoldenGraph {
  const given = c.config.args as Readonly<Record<string, number | boolean | undefined>>;
  const projected = given.no_projection !== true;
  const at = (name: string) => c.tensor(`param.${name}`);
  const config = performer.config.parse({
    heads: given.heads,
    features: given.nb_features,
    kernel: !projected ? "none" : given.generalized_attention === true ? "relu" : "softmax",
    causal: given.causal === true,
    stabiliser: "max",
  });
  const p = {
    q: columnsOf(at("to_q.weight")),
    k: columnsOf(at("to_k.weight")),
    v: columnsOf(at("to_v.weight")),
    ...(projected && { features: weightOf(at("fast_attention.projection_matrix")) }),
    out: columnsOf(at("to_out.weight")),
    outBias: weightOf(at("to_out.bias")),
  };
  const x = c.tensor("in.x");
  const d = performer.dims(config, x.dim(2));
  return { outputs: { "out.y": performer.forward(x, { c: config, d, p, s: {}, b: {}, io: goldenIo() }).y } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "performer", build }];
