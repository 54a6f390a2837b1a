/** timm's squeeze-and-excitation of images [B, C, H, W]; there maps are convolutions of one pixel. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import { squeezeExcite } from "./squeeze-excite.ts";

function build(c: GoldenCase): GoldenGraph {
  const image = c.tensor("in.x");
  const [B, C, H, W] = image.shape as [number, number, number, number];
  const columns = (name: string) => {
    const kernel = c.tensor(`param.${name}.weight`);
    return kernel.reshape([kernel.dim(0), kernel.dim(1)]).transpose([1, 0]);
  };
  const F = c.number("rd");
  const config = squeezeExcite.config.parse({ hidden: F });
  const p = weightsFrom({
    up: columns("fc1"),
    upBias: c.tensor("param.fc1.bias"),
    down: columns("fc2"),
    downBias: c.tensor("param.fc2.bias"),
  });
  const x = image.reshape([B, C, H * W]).transpose([0, 2, 1]);
  const { y } = squeezeExcite.forward(x, { c: config, d: { D: C, F }, p, b: {}, io: plainIo("eval") });
  return { outputs: { "out.y": y.transpose([0, 2, 1]).reshape(image.shape) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "vision-squeeze-excite", build }];
