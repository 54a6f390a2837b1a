import { layerNorm, ones, rmsNorm, type Tensor, zeros } from "../tensor/index.ts";
import type { GoldenCase } from "../testing/goldens/golden-case.ts";
import { opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import { batchNorm, groupNorm, instanceNorm, localResponseNorm } from "./normalization.ts";

const affine = (c: GoldenCase) => ({
  gain: c.maybe("param.weight"),
  bias: c.maybe("param.bias"),
  epsilon: c.number("eps"),
});

/** Joins the last axes, over which the source normalises, into one. */
function overLast(
  x: Tensor,
  c: GoldenCase,
  norm: (x: Tensor, parameter: (name: string) => Tensor | undefined, width: number) => Tensor,
): Tensor {
  const kept = x.shape.slice(0, x.rank - c.number("axes"));
  const width = x.shape.slice(kept.length).reduce((product, dim) => product * dim, 1);
  return norm(x.reshape([...kept, width]), (name) => c.maybe(name)?.reshape([width]), width).reshape(x.shape);
}

export const adapters = opAdapters({
  layer_norm: unary((x, c) =>
    overLast(x, c, (t, parameter, width) =>
      layerNorm(
        t,
        parameter("param.weight") ?? ones([width]),
        parameter("param.bias") ?? zeros([width]),
        c.number("eps"),
      ),
    ),
  ),
  rms_norm: unary((x, c) =>
    overLast(x, c, (t, parameter, width) =>
      rmsNorm(t, parameter("param.weight") ?? ones([width]), c.number("eps", 2 ** -52)),
    ),
  ),
  group_norm: unary((x, c) => groupNorm(x, c.number("groups"), affine(c))),
  instance_norm: unary((x, c) => instanceNorm(x, affine(c))),
  batch_norm: unary((x, c) => {
    const running = { mean: c.tensor("state.in.running_mean"), variance: c.tensor("state.in.running_var") };
    const result = batchNorm(x, {
      ...running,
      ...affine(c),
      training: c.flag("training"),
      momentum: c.number("momentum"),
    });
    return { y: result.y, "state.out.running_mean": result.mean, "state.out.running_var": result.variance };
  }),
  local_response_norm: unary((x, c) =>
    localResponseNorm(x, {
      size: c.number("size"),
      alpha: c.number("alpha"),
      beta: c.number("beta"),
      k: c.number("k"),
    }),
  ),
});
