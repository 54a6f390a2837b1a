/** Decoders of x-transformers whose sublayers stand in another order or read more than the stream. */
import { depthAverage, joinSkip } from "../../ops/index.ts";
import { concat, rmsNorm, type Tensor, zeros } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf, type StoredLinear } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { linearOf, plainChannel, storedNorm } from "./layer-parts.fixture.ts";

type Kind = "a" | "f";

interface Options {
  custom_layers?: Kind[];
  macaron?: boolean;
  sandwich_coef?: number;
  weight_tie_layers?: boolean;
  reinject_input?: boolean;
  unet_skips?: boolean;
  integrate_layers?: boolean;
  shift_tokens?: number;
}

/** A sublayer and the number of the module that holds its weights. */
interface Sublayer {
  kind: Kind;
  module: number;
}

function sublayersOf(
  { custom_layers, macaron, sandwich_coef: n, weight_tie_layers }: Options,
  depth: number,
): Sublayer[] {
  const times = (count: number, kinds: readonly Kind[]) => Array.from({ length: count }, () => kinds).flat();
  const kinds =
    custom_layers ??
    (macaron ? times(depth, ["f", "a", "f"]) : undefined) ??
    (n ? [...times(n, ["a"]), ...times(depth - n, ["a", "f"]), ...times(n, ["f"])] : times(depth, ["a", "f"]));
  return kinds.map((kind, i) => ({ kind, module: weight_tie_layers ? i % 2 : i }));
}

const norm = (c: GoldenCase, name: string) =>
  storedNorm({ gain: c.tensor(`param.${name}.gamma`).add(1) }, { kind: "layer", epsilon: 1e-5 });

/** Queries, keys and values read inputs of their own: side by side, each map zero elsewhere. */
function attend(c: GoldenCase, name: string, inputs: readonly Tensor[]): Tensor {
  const separate = inputs.length > 1;
  const map = (part: string, place: number): StoredLinear => {
    const { weight } = linearOf(c, `${name}.${part}`);
    const none = zeros(weight.shape);
    return {
      weight: separate
        ? concat(
            1,
            [0, 1, 2].map((i) => (i === place ? weight : none)),
          )
        : weight,
    };
  };
  const maps = { q: map("to_q", 0), k: map("to_k", 1), v: map("to_v", 2), out: linearOf(c, `${name}.to_out`) };
  const options = { heads: c.number("heads"), headSize: c.number("dim_head"), causal: c.text("stack") === "decoder" };
  return attentionOf(separate ? concat(-1, inputs) : inputs[0]!, maps, { options }).y;
}

/** Equal parts of the features move to later times by 0, 1, … tokens, in an encoder also to earlier ones; the rest stays. */
function shifted(c: GoldenCase, x: Tensor, most: number): Tensor {
  const least = c.text("stack") === "decoder" ? 0 : -most;
  const steps = Array.from({ length: most - least + 1 }, (_, i) => least + i);
  const [T, size] = [x.dim(1), Math.floor(x.dim(2) / steps.length)];
  const parts = steps.map((step, i) => {
    const part = x.slice(2, i * size, (i + 1) * size);
    return step < 0 ? part.slice(1, -step, T).pad(1, 0, -step) : part.slice(1, 0, T - step).pad(1, step, 0);
  });
  const rest = x.dim(2) - steps.length * size;
  return concat(2, rest === 0 ? parts : [...parts, x.slice(2, x.dim(2) - rest, x.dim(2))]);
}

/** A sublayer's branch, given its one normed input or those of q, k and v. */
function branch(c: GoldenCase, { kind, module }: Sublayer, given: readonly Tensor[]): Tensor {
  const { shift_tokens } = c.config.options as Options;
  const name = `layers.${module}.1${shift_tokens ? ".fn" : ""}`;
  const inputs = shift_tokens ? given.map((x) => shifted(c, x, shift_tokens)) : given;
  if (kind === "a") return attend(c, name, inputs);
  const half = c.has(`param.${name}.fn.ff.0.0.weight`);
  const ff = half ? `${name}.fn.ff` : `${name}.ff`;
  const y = plainChannel({ up: linearOf(c, `${ff}.0.0`), down: linearOf(c, `${ff}.2`) }, "gelu")(inputs[0]!);
  return half ? y.mul(0.5) : y;
}

/** What a sublayer reads in place of the stream: mixtures of all states so far, one, or three for attention. */
function integrated(c: GoldenCase, index: number, states: readonly Tensor[]): Tensor[] {
  const x = states.at(-1)!;
  const name = `layer_integrators.${index}.to_weights`;
  const { weight, bias } = linearOf(c, `${name}.1`);
  const normed = rmsNorm(x, c.tensor(`param.${name}.0.g`), 1e-30);
  const views = weight.dim(0) / states.length;
  const scores = normed.matmul(weight, { transB: true }).add(bias!);
  const weights = scores.reshape([...x.shape.slice(0, -1), views, states.length]).softmax(-1);
  return Array.from({ length: views }, (_, view) => depthAverage(states, weights.at(-2, view)));
}

function build(c: GoldenCase): GoldenGraph {
  const options = c.config.options as Options;
  const depth = c.number("depth");
  const sublayers = sublayersOf(options, depth);
  const start = c.tensor("in.x");
  const injected = options.reinject_input
    ? start.matmul(c.tensor("param.reinject_input_proj.weight"), { transB: true })
    : undefined;
  const [states, skips]: [Tensor[], Tensor[]] = [[], []];
  let x = start;
  sublayers.forEach((sublayer, i) => {
    if (options.unet_skips && i % 2 === 0) {
      if (i < depth) skips.push(x);
      else x = joinSkip(x, skips.pop()!, c.tensor(`param.skip_combines.${i}.combine.weight`).transpose([1, 0]));
    }
    states.push(x);
    const read = options.integrate_layers ? integrated(c, i, states) : [injected ? x.add(injected) : x];
    x = x.add(branch(c, sublayer, read.map(norm(c, `layers.${sublayer.module}.0.0`))));
  });
  return { outputs: { "out.y": norm(c, "final_norm")(x) } };
}

export const adapters: readonly GoldenAdapter[] = [
  "xt-order",
  "xt-unet-skips",
  "xt-input-injection",
  "xt-layer-integration",
  "xt-shift-tokens",
].map((component) => ({ kind: "blocks", component, build }));
