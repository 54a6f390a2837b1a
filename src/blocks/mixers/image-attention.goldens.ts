/** Attention of timm's vision models: cross-covariance attention and class attention. */
import { storedIo } from "../../testing/goldens/attention-of.fixture.ts";
import { classAttentionOf, classBlockOf, weightsOf } from "../../testing/goldens/class-attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { xca } from "./xca.ts";

const headsOf = (c: GoldenCase): number =>
  (c.config.args as { num_heads?: number } | undefined)?.num_heads ?? c.number("heads");

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

/** The source returns the first token alone. */
const firstToken = (c: GoldenCase): GoldenGraph => ({
  outputs: { "out.y": classAttentionOf(c.tensor("in.x"), c, { prefix: "", heads: headsOf(c) }).slice(1, 0, 1) },
});

const classBlock = (c: GoldenCase): GoldenGraph => ({
  outputs: {
    "out.y": classBlockOf(
      c,
      { cls: c.tensor("in.cls"), x: c.tensor("in.x") },
      { prefix: "", heads: headsOf(c), epsilon: 1e-5 },
    ),
  },
});

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "xca", build: covariance },
  { kind: "blocks", component: "vision-xcit-xca", build: covariance },
  { kind: "blocks", component: "class-attention-block", build: classBlock },
  { kind: "blocks", component: "class-attention", build: firstToken },
  { kind: "blocks", component: "vision-class-attention", build: firstToken },
];
