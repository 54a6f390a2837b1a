/** YOSO's layer of transformers, in expectation. */
import { concat } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import { bertColumns, bertLayer } from "../../testing/goldens/bert-layer.fixture.ts";
import { settingsOf } from "../../testing/goldens/hf-attention.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { linearOf } from "../../testing/goldens/layer-parts.fixture.ts";
import { yoso } from "./yoso.ts";

function build(c: GoldenCase): GoldenGraph {
  const settings = settingsOf(c);
  const kernel = c.tensor("param.attention.self.conv.weight");
  const config = yoso.config.parse({
    heads: settings.num_attention_heads,
    bits: settings.hash_code_len ?? 9,
    kernel: kernel.dim(2),
    bias: true,
    outBias: true,
  });
  const { weight, bias } = bertColumns(c, ["query", "key", "value"]);
  const out = linearOf(c, "attention.output.dense");
  const p = {
    qkv: storedWeight(concat(1, weight)),
    qkvBias: storedWeight(concat(0, bias)),
    kernel: storedWeight(kernel.reshape([kernel.dim(0), kernel.dim(2)])),
    out: storedWeight(out.weight.transpose([1, 0])),
    outBias: storedWeight(out.bias!),
  };
  return bertLayer(
    c,
    (x) => yoso.forward(x, { c: config, d: yoso.dims(config, x.dim(2)), p, s: {}, b: {}, io: storedIo() }).y,
  );
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "yoso-layer", build }];
