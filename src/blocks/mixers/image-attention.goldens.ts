/** Attention of timm's vision models: cross-covariance attention and class attention. */
import { concat, type Tensor } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "../../testing/goldens/attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { linearOf, normOf, plainChannel } from "../../testing/goldens/layer-parts.fixture.ts";
import { classAttention } from "./class-attention.ts";
import { xca } from "./xca.ts";

const headsOf = (c: GoldenCase): number =>
  (c.config.args as { num_heads?: number } | undefined)?.num_heads ?? c.number("heads");

/** Parameters by our names: maps as columns, and those of the rest that the case has. */
function weightsOf(c: GoldenCase, names: Readonly<Record<string, string>>) {
  const found = Object.entries(names).flatMap(([ours, theirs]) => {
    const stored = c.maybe(`param.${theirs}`);
    if (!stored) return [];
    return [[ours, storedWeight(stored.rank === 2 ? stored.transpose([1, 0]) : stored.reshape([-1]))]];
  });
  return Object.fromEntries(found) as never;
}

function covariance(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const config = xca.config.parse({ heads: headsOf(c), bias: c.has("param.qkv.bias") });
  const p = weightsOf(c, {
    qkv: "qkv.weight",
    qkvBias: "qkv.bias",
    temperature: "temperature",
    out: "proj.weight",
    outBias: "proj.bias",
  });
  const d = xca.dims(config, x.dim(2));
  return { outputs: { "out.y": xca.forward(x, { c: config, d, p, s: {}, b: {}, io: storedIo() }).y } };
}

/** Class attention by the parameters below this name. */
function attended(x: Tensor, c: GoldenCase, module: string): Tensor {
  const config = classAttention.config.parse({ heads: headsOf(c), bias: c.has(`param.${module}q.bias`) });
  const p = weightsOf(c, {
    q: `${module}q.weight`,
    k: `${module}k.weight`,
    v: `${module}v.weight`,
    qBias: `${module}q.bias`,
    kBias: `${module}k.bias`,
    vBias: `${module}v.bias`,
    out: `${module}proj.weight`,
    outBias: `${module}proj.bias`,
  });
  const d = classAttention.dims(config, x.dim(2));
  return classAttention.forward(x, { c: config, d, p, s: {}, b: {}, io: storedIo() }).y;
}

/** The source returns the first token alone. */
const firstToken = (c: GoldenCase): GoldenGraph => ({
  outputs: { "out.y": attended(c.tensor("in.x"), c, "").slice(1, 0, 1) },
});

/** Class attention and a channel mixer, for the first token alone, each times a vector before it is added. */
function classBlock(c: GoldenCase): GoldenGraph {
  const norm = (name: string) => normOf(c, name, { kind: "layer", epsilon: 1e-5 });
  const scale = (x: Tensor, i: 1 | 2) => x.mul(c.tensor(`param.gamma_${i}`));
  const all = concat(1, [c.tensor("in.cls"), c.tensor("in.x")]);
  const first = c.tensor("in.cls").add(scale(attended(norm("norm1")(all), c, "attn.").slice(1, 0, 1), 1));
  const channel = plainChannel({ up: linearOf(c, "mlp.fc1"), down: linearOf(c, "mlp.fc2") }, "gelu");
  return { outputs: { "out.y": first.add(scale(channel(norm("norm2")(first)), 2)) } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "xca", build: covariance },
  { kind: "blocks", component: "vision-xcit-xca", build: covariance },
  { kind: "blocks", component: "class-attention-block", build: classBlock },
  { kind: "blocks", component: "class-attention", build: firstToken },
  { kind: "blocks", component: "vision-class-attention", build: firstToken },
];
