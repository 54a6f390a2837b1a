/** Stacks of x-transformers: pre-norm layers of attention and feed-forward, then a norm; each case sets one option. */
import { constant, type Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf, type StoredAttention, type StoredLinear } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { linearOf, plainChannel, storedNorm } from "./layer-parts.fixture.ts";
import { embeddingPositions } from "./xt-positions.fixture.ts";

interface Mapped {
  options: Readonly<Record<string, unknown>>;
  /** What attention learns besides its maps. */
  others?: Readonly<Record<string, Tensor>>;
}
type Options = Readonly<Record<string, number | boolean | undefined>>;

const rotary = (o: Options, size: number): Mapped => {
  const stretch = o.rotary_interpolation_factor;
  const rescale = o.rotary_base_rescale_factor;
  const scaling = stretch
    ? { kind: "linear", factor: stretch }
    : rescale
      ? { kind: "ntk", factor: rescale }
      : { kind: "none" };
  const rotaryFraction = Number(o.rotary_emb_dim) / size;
  return { options: { positions: { kind: "rope", layout: "interleaved", rotaryFraction, scaling } } };
};

/** Which of our options a case's own option is; T5's bias is stored per bucket and multiplied by √size. */
function mapOptions(c: GoldenCase, o: Options, { heads, size }: { heads: number; size: number }): Mapped | Absent {
  if (o.rotary_pos_emb) return rotary(o, size);
  if (o.alibi_pos_bias) return { options: { positions: { kind: "alibi", heads: o.alibi_num_heads } } };
  if (o.attn_head_learned_sink)
    return { options: { sinks: true }, others: { sink: c.tensor("param.layers.0.1.attend.head_attn_sink") } };
  if (o.attn_softclamp_logits) return { options: { softcap: o.attn_logit_softclamp_value } };
  if (o.attn_max_attend_past) return { options: { window: Number(o.attn_max_attend_past) + 1 } };
  if (o.attn_one_kv_head) return { options: { kvHeads: 1 } };
  if (o.attn_kv_heads) return { options: { kvHeads: o.attn_kv_heads } };
  if (o.rel_pos_bias) {
    const sides = c.text("stack") === "encoder" ? "both" : "past";
    const table = c.tensor("param.rel_pos.relative_attention_bias.weight").mul(size ** 0.5);
    return {
      options: {
        positions: { kind: "t5-bias", buckets: o.rel_pos_num_buckets, maxDistance: o.rel_pos_max_distance, sides },
      },
      others: { "positions.table": table },
    };
  }
  return mapNorms(o, heads);
}

function mapNorms(o: Options, heads: number): Mapped | Absent {
  if (o.attn_qk_norm_groups) return "absent: norms of groups of features";
  if (o.attn_qk_norm_dim_scale || o.attn_qk_rmsnorm)
    return "absent: norms of queries and keys with a gain for each head";
  if (o.attn_value_rmsnorm) return "absent: a norm of the values";
  if (o.attn_value_dim_head) return "absent: values of another width";
  if (o.attn_add_zero_kv) return "absent: keys added to the sequence";
  if (!o.attn_qk_norm) return { options: {} };
  const temperature = new Array<number>(heads).fill(Number(o.attn_qk_norm_scale ?? 10));
  return { options: { qkNorm: "l2" }, others: { temperature: constant(temperature, [heads]) } };
}

/** There query head h reads key head h mod kvHeads; here neighbours share one, so heads change places. */
function neighbouring({ q, k, v, out }: StoredAttention, heads: number, size: number): StoredAttention {
  const groups = k.weight.dim(0) / size;
  const order = constant(
    Array.from({ length: heads }, (_, h) => (h % (heads / groups)) * groups + Math.floor(h / (heads / groups))),
    [heads],
    "i32",
  );
  const rows = (weight: Tensor) => weight.reshape([heads, size, -1]).gather(0, order).reshape(weight.shape);
  const columns = out.weight.transpose([1, 0]);
  return { q: { weight: rows(q.weight) }, k, v, out: { weight: rows(columns).transpose([1, 0]) } };
}

function stack(c: GoldenCase): GoldenGraph | Absent {
  const kind = c.text("stack");
  if (kind === "absolute" || kind === "sinusoidal") return embeddingPositions(c);
  const o = c.config.options as Options;
  if (kind === "cross" || o.cross_attend) return "absent: attention over another sequence";
  const [heads, size] = [c.number("heads"), c.number("dim_head")];
  const mapped = mapOptions(c, o, { heads, size });
  if (typeof mapped === "string") return mapped;
  const mask_BT = c.has("in.mask") ? c.mask("in.mask") : undefined;
  const options = { heads, headSize: size, causal: kind === "decoder", ...mapped.options };
  const attend = (x: Tensor, name: string): Tensor => {
    const map = (part: string): StoredLinear => linearOf(c, `${name}.${part}`);
    const maps = neighbouring({ q: map("to_q"), k: map("to_k"), v: map("to_v"), out: map("to_out") }, heads, size);
    const { y } = attentionOf(x, { ...maps, others: mapped.others ?? {} }, { options, io: mask_BT ? { mask_BT } : {} });
    return mask_BT ? y.mul(mask_BT.cast("f32").unsqueeze(2)) : y;
  };
  const norm = (name: string) =>
    storedNorm({ gain: c.tensor(`param.${name}.gamma`).add(1) }, { kind: "layer", epsilon: 1e-5 });
  let x = c.tensor("in.x");
  for (let depth = 0; depth < c.number("depth"); depth++) {
    const [first, second] = [`layers.${2 * depth}`, `layers.${2 * depth + 1}`];
    x = x.add(attend(norm(`${first}.0.0`)(x), `${first}.1`));
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
  "xt-head-sink",
  "xt-logit-softclamp",
  "xt-position-absolute",
  "xt-position-sinusoidal",
  "xt-qk-norm",
  "xt-rotary",
  "xt-stack",
  "xt-t5-bias",
  "xt-value-width",
  "xt-window",
  "xt-zero-kv",
];

export const adapters: readonly GoldenAdapter[] = components.map((component) => ({
  kind: "blocks",
  component,
  build: stack,
}));
