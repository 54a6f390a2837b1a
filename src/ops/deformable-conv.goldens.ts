/** torchvision's deformable convolution, with and without factors. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { convolveDeformed } from "./deformable-conv.ts";

function build(c: GoldenCase): GoldenGraph {
  const y = convolveDeformed(c.tensor("in.x"), c.tensor("param.weight"), {
    offsets: c.tensor("in.offset"),
    factors: c.maybe("in.mask"),
    stride: c.number("stride"),
  });
  return { outputs: { "out.y": y.add(c.tensor("param.bias").reshape([-1, 1, 1])) } };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "deform-conv", build }];
