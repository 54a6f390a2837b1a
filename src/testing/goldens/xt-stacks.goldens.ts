/** Stacks of x-transformers: pre-norm layers of attention and feed-forward, then a norm; each case sets one option. */
import { constant, type Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf, type StoredAttention, type StoredLinear } from "./attention-of.fixture.ts";
import { crossAttentionOf } from "./cross-attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { linearOf, plainChannel, storedNorm } from "./layer-parts.fixture.ts";
import { otherMixer } from "./xt-mixers.fixture.ts";
import { type Mapped, mapOptions, valueMix, type XtOptions } from "./xt-options.fixture.ts";
import { embeddingPositions } from "./xt-positions.fixture.ts";

/** There query head h reads key head h mod kvHeads; here neighbours share one, so heads change places. */
function neighbouring({ q, k, v, out }: StoredAttention, heads: number, size: number): StoredAttention {
  const groups = k.weight.dim(0) / size;
  const order = constant(
    Array.from({ length: heads }, (_, h) => (h % (heads / groups)) * groups + Math.floor(h / (heads / groups))),
    [heads],
    "i32",
  );
  const rows = (weight: Tensor) =>
    weight
      .reshape([heads, weight.dim(0) / heads, -1])
      .gather(0, order)
      .reshape(weight.shape);
  const columns = out.weight.transpose([1, 0]);
  return { q: { weight: rows(q.weight) }, k, v, out: { weight: rows(columns).transpose([1, 0]) } };
}

/** The attention of every layer, which may use what layers before handed on. */
function attention(c: GoldenCase): ((x: Tensor, name: string, depth: number) => Tensor) | Absent {
  const other = otherMixer(c);
  if (other !== undefined) return other;
  const o = c.config.options as XtOptions;
  const [heads, size] = [c.number("heads"), c.number("dim_head")];
  const first = mapOptions(c, "layers.0.1", { heads, size });
  if (typeof first === "string") return first;
  const mask_BT = c.has("in.mask") ? c.mask("in.mask") : undefined;
  let handed: Readonly<Record<string, Tensor>> = {};
  return (x, name, depth) => {
    const map = (part: string): StoredLinear => linearOf(c, `${name}.${part}`);
    const out = map(o.attn_on_attn ? "to_out.0" : "to_out");
    const maps = neighbouring({ q: map("to_q"), k: map("to_k"), v: map("to_v"), out }, heads, size);
    const [mapped, mix] = [mapOptions(c, name, { heads, size }) as Mapped, valueMix(c, name, depth)];
    const options = { heads, headSize: size, causal: c.text("stack") === "decoder", ...mapped.options, ...mix.options };
    const stored = { ...maps, others: { ...mapped.others, ...mix.others } };
    const result = attentionOf(x, stored, { options, io: { handed, ...(mask_BT && { mask_BT }) } });
    handed = { ...handed, ...result.handed };
    return mask_BT ? result.y.mul(mask_BT.cast("f32").unsqueeze(2)) : result.y;
  };
}

function stack(c: GoldenCase): GoldenGraph | Absent {
  const kind = c.text("stack");
  if (kind === "absolute" || kind === "sinusoidal") return embeddingPositions(c);
  const attend = attention(c);
  if (typeof attend === "string") return attend;
  const norm = (name: string) =>
    storedNorm({ gain: c.tensor(`param.${name}.gamma`).add(1) }, { kind: "layer", epsilon: 1e-5 });
  const kinds = sublayersOf(c);
  let x = c.tensor("in.x");
  for (let i = 0; i < c.number("depth") * kinds.length; i++) {
    const name = `layers.${i}`;
    const branch = {
      attention: (y: Tensor) => attend(y, `${name}.1`, Math.floor(i / kinds.length)),
      cross: (y: Tensor) => crossed(c, y, `${name}.1`),
      channel: (y: Tensor) => feedForward(c, `${name}.1.ff`)(y),
    }[kinds[i % kinds.length]!];
    x = x.add(branch(norm(`${name}.0.0`)(x)));
  }
  return { outputs: { "out.y": norm("final_norm")(x) } };
}

/** The sublayers of one layer, in order. */
function sublayersOf(c: GoldenCase): readonly ("attention" | "cross" | "channel")[] {
  if (c.text("stack") === "cross") return ["cross", "channel"];
  const reads = (c.config.options as XtOptions).cross_attend;
  return ["attention", ...(reads ? (["cross"] as const) : []), "channel"];
}

const feedForward = (c: GoldenCase, name: string) =>
  plainChannel({ up: linearOf(c, `${name}.0.0`), down: linearOf(c, `${name}.2`) }, "gelu");

/** Attention to the context, which has no norm. */
function crossed(c: GoldenCase, x: Tensor, name: string): Tensor {
  const map = (part: string): StoredLinear => linearOf(c, `${name}.${part}`);
  const [heads, headSize] = [c.number("heads"), c.number("dim_head")];
  const maps = { q: map("to_q"), k: map("to_k"), v: map("to_v"), out: map("to_out") };
  return crossAttentionOf(x, { memory: c.tensor("in.context") }, { maps, heads, headSize }).y;
}

const components = [
  "xt-alibi",
  "xt-attention-on-attention",
  "xt-cog-attention",
  "xt-cope",
  "xt-dynamic-position-bias",
  "xt-forgetting-transformer",
  "xt-gated-values",
  "xt-hard-attention",
  "xt-head-scale",
  "xt-head-sink",
  "xt-l2-attention",
  "xt-laser",
  "xt-latent-attention",
  "xt-logit-softclamp",
  "xt-memory-kv",
  "xt-pope",
  "xt-position-absolute",
  "xt-position-sinusoidal",
  "xt-qk-norm",
  "xt-rel-proj-bias",
  "xt-residual-attention",
  "xt-rotary",
  "xt-selective-attention",
  "xt-sigmoid-attention",
  "xt-sparse-topk-attention",
  "xt-stack",
  "xt-t5-bias",
  "xt-talking-heads",
  "xt-value-residual",
  "xt-value-width",
  "xt-window",
  "xt-xpos",
  "xt-zero-kv",
];

export const adapters: readonly GoldenAdapter[] = components.map((component) => ({
  kind: "blocks",
  component,
  build: stack,
}));
