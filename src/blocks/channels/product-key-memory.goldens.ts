/** Lample's memory as the product_key_memory package has it; norms of its input and output stand around it. */
import { layerNorm, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import { productKeyMemory } from "./product-key-memory.ts";

function build(c: GoldenCase): GoldenGraph {
  const args = c.config.args as Readonly<Record<string, number | boolean | undefined>>;
  const config = productKeyMemory.config.parse({
    heads: args.heads,
    keys: args.num_keys,
    topK: args.topk,
    keySize: args.dim_head,
    gates: args.non_competitive_gates ? "relu" : "softmax",
  });
  const normed = (x: Tensor, name: string) =>
    c.has(`param.${name}.weight`) ? layerNorm(x, c.tensor(`param.${name}.weight`), c.tensor(`param.${name}.bias`)) : x;
  const x = normed(c.tensor("in.x"), "pre_layernorm");
  const p = weightsFrom({
    query: c.tensor("param.to_queries.weight").transpose([1, 0]),
    queryGain: c.tensor("param.norm.weight"),
    queryBias: c.tensor("param.norm.bias"),
    keys: c.tensor("param.keys").transpose([2, 0, 1, 3]),
    values: c.tensor("param.values.weight"),
  });
  const d = productKeyMemory.dims(config, x.dim(-1));
  const { y } = productKeyMemory.forward(x, { c: config, d, p, b: {}, io: plainIo("eval") });
  return { outputs: { "out.y": normed(y, "output_norm") } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "product-key-memory", build }];
