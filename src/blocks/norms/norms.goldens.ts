/** PyTorch's norms. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { plainIo, weightsFrom } from "../../testing/part.ts";
import { groupnorm } from "./groupnorm.ts";
import { layernorm } from "./layernorm.ts";
import { rmsnorm } from "./rmsnorm.ts";

/** What PyTorch adds to a mean square in f64 where no ε is given. */
const machineEpsilon = 2 ** -52;

/** Axes that are normed together are one axis of as many features here. */
function build(c: GoldenCase): GoldenGraph {
  const normed = c.list("shape");
  const width = normed.reduce((size, dim) => size * dim, 1);
  const [gain, bias] = ["weight", "bias"].map((name) => c.maybe(`param.${name}`)?.reshape([width]));
  const weights = weightsFrom({ ...(gain && { gain }), ...(bias && { bias }) });
  const options = { epsilon: c.config.eps === null ? machineEpsilon : c.number("eps"), gain: gain !== undefined };
  const at = { d: { D: width }, p: weights, b: {}, io: plainIo("eval") };
  const input = c.tensor("in.x");
  const x = input.reshape([...input.shape.slice(0, input.rank - normed.length), width]);
  const { y } =
    c.component === "rms-norm"
      ? rmsnorm.forward(x, { ...at, c: rmsnorm.config.parse(options) })
      : layernorm.forward(x, { ...at, c: layernorm.config.parse({ ...options, bias: bias !== undefined }) });
  return { outputs: { "out.y": y.reshape(input.shape) } };
}

/** There time is the last axis, features the second. */
function groupNorm(c: GoldenCase): GoldenGraph {
  const config = groupnorm.config.parse({
    groups: c.number("groups"),
    over: "sequence",
    epsilon: c.number("eps"),
  });
  const p = weightsFrom({ gain: c.tensor("param.weight"), bias: c.tensor("param.bias") });
  const x = c.tensor("in.x").swap(1, 2);
  const { y } = groupnorm.forward(x, {
    c: config,
    d: groupnorm.dims(config, x.dim(-1)),
    p,
    b: {},
    io: plainIo("eval"),
  });
  return { outputs: { "out.y": y.swap(1, 2) } };
}

export const adapters: readonly GoldenAdapter[] = [
  ...["rms-norm", "layer-norm"].map((component) => ({ kind: "blocks", component, build })),
  { kind: "blocks", component: "group-norm", build: groupNorm },
];
