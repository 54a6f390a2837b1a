import { mixedAttention } from "../../blocks/mixers/mixed-attention.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { storedIo, storedWeight } from "./attention-of.fixture.ts";
import { bertLayer } from "./bert-layer.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { settingsOf } from "./hf-attention.fixture.ts";

const columns = (weight: Tensor): Tensor => weight.transpose([1, 0]);

/** ConvBERT's layer: heads that attend beside heads that convolve. */
function convbert(c: GoldenCase): GoldenGraph {
  const settings = settingsOf(c);
  const at = (name: string) => c.tensor(`param.attention.self.${name}`);
  const kernel = Number(settings.conv_kernel_size);
  const heads = settings.num_attention_heads / Number(settings.head_ratio);
  const config = mixedAttention.config.parse({ heads, headSize: at("query.bias").dim(0) / heads, kernel });
  const sides = ["query", "key", "value"] as const;
  const p = {
    qkv: concat(
      1,
      sides.map((side) => columns(at(`${side}.weight`))),
    ),
    qkvBias: concat(
      0,
      sides.map((side) => at(`${side}.bias`)),
    ),
    spanTaps: at("key_conv_attn_layer.depthwise.weight").squeeze(1),
    span: columns(at("key_conv_attn_layer.pointwise.weight").squeeze(2)),
    spanBias: at("key_conv_attn_layer.bias").squeeze(1),
    kernel: columns(at("conv_kernel_layer.weight")),
    kernelBias: at("conv_kernel_layer.bias"),
    values: columns(at("conv_out_layer.weight")),
    valuesBias: at("conv_out_layer.bias"),
    out: columns(c.tensor("param.attention.output.dense.weight")),
    outBias: c.tensor("param.attention.output.dense.bias"),
  };
  const weights = Object.fromEntries(Object.entries(p).map(([name, tensor]) => [name, storedWeight(tensor)])) as never;
  return bertLayer(c, (x) => {
    const own = { c: config, d: mixedAttention.dims(config, x.dim(2)), p: weights, s: {}, b: {}, io: storedIo() };
    return mixedAttention.forward(x, own).y;
  });
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "convbert-layer", build: convbert }];
