/** timm's ConvNeXt blocks of both versions, on images [B, C, H, W]. */
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { convnext } from "./convnext.ts";

function build(c: GoldenCase): GoldenGraph {
  const image = c.tensor("in.x");
  const [B, D, H, W] = image.shape as [number, number, number, number];
  const columns = (name: string) => c.tensor(`param.${name}`).transpose([1, 0]);
  const response = c.has("param.mlp.grn.weight");
  const kernel = c.tensor("param.conv_dw.weight");
  const tensors = {
    kernel,
    kernelBias: c.tensor("param.conv_dw.bias"),
    normGain: c.tensor("param.norm.weight"),
    normBias: c.tensor("param.norm.bias"),
    up: columns("mlp.fc1.weight"),
    upBias: c.tensor("param.mlp.fc1.bias"),
    ...(response && {
      responseGain: c.tensor("param.mlp.grn.weight"),
      responseBias: c.tensor("param.mlp.grn.bias"),
    }),
    down: columns("mlp.fc2.weight"),
    downBias: c.tensor("param.mlp.fc2.bias"),
  };
  const p = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, storedWeight(tensor)])) as never;
  const config = convnext.config.parse({ kernel: kernel.dim(2), ratio: tensors.upBias.dim(0) / D, response });
  const x_BTD = image.reshape([B, D, H * W]).swap(1, 2);
  const at = { c: config, d: convnext.dims(config, D), p, s: {}, b: {}, io: storedIo({ grid: [H, W] }) };
  const { y } = convnext.forward(x_BTD, at);
  // The residual: layerscale where the case has a factor.
  const scale = c.maybe("param.gamma");
  const sum = x_BTD.add(scale ? y.mul(scale) : y);
  return { outputs: { "out.y": sum.swap(1, 2).reshape(image.shape) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "vision-convnext-block", build }];
