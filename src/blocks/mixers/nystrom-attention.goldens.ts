/** Nyström attention of the package and of transformers' layer. */
import { concat, type Tensor } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import { bertColumns, bertLayer } from "../../testing/goldens/bert-layer.fixture.ts";
import { settingsOf } from "../../testing/goldens/hf-attention.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { linearOf } from "../../testing/goldens/layer-parts.fixture.ts";
import { nystromAttention } from "./nystrom-attention.ts";

interface Given {
  options: Readonly<Record<string, unknown>>;
  tensors: Readonly<Record<string, Tensor>>;
  mask_BT?: Tensor;
}

function run(x: Tensor, { options, tensors, mask_BT }: Given): Tensor {
  const c = nystromAttention.config.parse({ ...options, start: "batch" });
  const p = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, storedWeight(tensor)])) as never;
  const d = nystromAttention.dims(c, x.dim(2));
  return nystromAttention.forward(x, { c, d, p, s: {}, b: {}, io: storedIo(mask_BT ? { mask_BT } : {}) }).y;
}

const kernelOf = (weight: Tensor): Tensor => weight.reshape([weight.dim(0), weight.dim(2)]);

function packaged(c: GoldenCase): GoldenGraph {
  const o = c.config.args as Readonly<Record<string, number>>;
  const out = linearOf(c, "to_out.0");
  const y = run(c.tensor("in.x"), {
    options: { heads: o.heads, landmarks: o.num_landmarks, kernel: o.residual_conv_kernel },
    tensors: {
      qkv: c.tensor("param.to_qkv.weight").transpose([1, 0]),
      kernel: kernelOf(c.tensor("param.res_conv.weight")),
      out: out.weight.transpose([1, 0]),
      outBias: out.bias!,
    },
    ...(c.has("in.mask") && { mask_BT: c.mask("in.mask") }),
  });
  return { outputs: { "out.y": y } };
}

function layer(c: GoldenCase): GoldenGraph {
  const settings = settingsOf(c);
  const { weight, bias } = bertColumns(c, ["query", "key", "value"]);
  const out = linearOf(c, "attention.output.dense");
  const given = {
    options: {
      heads: settings.num_attention_heads,
      landmarks: settings.num_landmarks,
      kernel: settings.conv_kernel_size,
      bias: true,
    },
    tensors: {
      qkv: concat(1, weight),
      qkvBias: concat(0, bias),
      kernel: kernelOf(c.tensor("param.attention.self.conv.weight")),
      out: out.weight.transpose([1, 0]),
      outBias: out.bias!,
    },
  };
  return bertLayer(c, (x) => run(x, given), { activation: "gelu_new" });
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "nystrom-attention", build: packaged },
  { kind: "blocks", component: "nystromformer-layer", build: layer },
];
