/** Stacks of x-transformers: pre-norm layers of attention and feed-forward, then a norm; each case sets one option. */
import { constant, type Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf, type StoredAttention, type StoredLinear } from "./attention-of.fixture.ts";
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
  if (kind === "cross" || (c.config.options as XtOptions).cross_attend)
    return "absent: attention over another sequence";
  const attend = attention(c);
  if (typeof attend === "string") return attend;
  const norm = (name: string) =>
    storedNorm({ gain: c.tensor(`param.${name}.gamma`).add(1) }, { kind: "layer", epsilon: 1e-5 });
  let x = c.tensor("in.x");
  for (let depth = 0; depth < c.number("depth"); depth++) {
    const [first, second] = [`layers.${2 * depth}`, `layers.${2 * depth + 1}`];
    x = x.add(attend(norm(`${first}.0.0`)(x), `${first}.1`, depth));
    const channel = plainChannel(
      { up: linearOf(c, `${second}.1.ff.0.0`), down: linearOf(c, `${second}.1.ff.2`) },
      "gelu",
    );
    x = x.add(channel(norm(`${second}.0.0`)(x)));
  }
  return { outputs: { "out.y": norm("final_norm")(x) } };
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
