import type { StoredLinear } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { ropeOf, settingsOf } from "./hf-attention.fixture.ts";
import { fourMaps, layerOf } from "./layer-families-decoder.fixture.ts";
import { headLayerNorms, layer, plain, thirds } from "./layer-families-other.fixture.ts";
import type { AttentionOptions, Family, Layer } from "./layer-family.ts";
import { gatedChannel, linearOf, partsOf, plainChannel } from "./layer-parts.fixture.ts";

/** BERT's names; the norms differ. */
const bertLike =
  (
    norms: Layer["norms"],
    more: {
      wiring?: "post";
      options?: (c: GoldenCase) => Partial<AttentionOptions>;
      tables?: true;
      activation?: string;
    } = {},
  ): Family =>
  (c) => {
    const settings = settingsOf(c);
    const { q, k, v } = fourMaps(c, "attention.self", ["query", "key", "value", "query"]);
    const options = { heads: settings.num_attention_heads, causal: false, ...more.options?.(c) };
    const rotation = more.tables ? ropeOf(settings) : undefined;
    if (typeof rotation === "string") return rotation;
    return {
      attention: {
        maps: { q, k, v, out: linearOf(c, "attention.output.dense") },
        options: { ...options, ...(rotation && { positions: rotation }) },
        ...(rotation && { tables: rotation }),
      },
      norms,
      channel: plain(c, ["intermediate.dense", "output.dense"], more.activation ?? "gelu"),
      ...(more.wiring && { wiring: more.wiring }),
    };
  };
const bertNorms = layer(1e-12, { attentionOut: "attention.output.LayerNorm", channelOut: "output.LayerNorm" });

const torchEncoder: Family = (c) => {
  const joined: StoredLinear = {
    weight: c.tensor("param.self_attn.in_proj_weight"),
    bias: c.maybe("param.self_attn.in_proj_bias"),
  };
  const before = c.flag("norm_first");
  return {
    attention: {
      maps: thirds(joined, linearOf(c, "self_attn.out_proj")),
      options: { heads: c.number("heads"), causal: c.config.mask === "causal" },
    },
    norms: layer(
      c.number("eps"),
      before ? { attention: "norm1", channel: "norm2" } : { attentionOut: "norm1", channelOut: "norm2" },
    ),
    channel: plain(c, ["linear1", "linear2"], c.text("activation")),
    wiring: before ? "serial" : "post",
  };
};

/** Rows of one map: the MLP's, then q, k and v; both branches read one norm. */
function parallelVit(c: GoldenCase, heads: number, epsilon: number): Layer {
  const joined = linearOf(c, "in_proj");
  const down = linearOf(c, "mlp_out_proj");
  const [width, hidden] = down.weight.shape as [number, number];
  const [up, q, k, v] = partsOf(joined, [hidden, width, width, width]) as [
    StoredLinear,
    StoredLinear,
    StoredLinear,
    StoredLinear,
  ];
  const normed = c.has("param.q_norm.weight");
  return {
    attention: {
      maps: {
        ...{ q, k, v, out: linearOf(c, "attn_out_proj") },
        ...(normed && { others: headLayerNorms(c, ["q_norm", "k_norm"]) }),
      },
      options: { heads, causal: false, ...(normed && { qkNorm: "layer", normEpsilon: epsilon }) },
    },
    norms: layer(epsilon, { attention: "in_norm", channel: "in_norm" }),
    channel: plainChannel({ up: { weight: up.weight, bias: c.maybe("param.mlp_bias") ?? up.bias }, down }, "gelu"),
    wiring: "parallel",
    branch: (t) => (c.has("param.ls.gamma") ? t.mul(c.tensor("param.ls.gamma")) : t),
  };
}

const vit =
  (heads: (c: GoldenCase) => number, epsilon: number): Family =>
  (c) => {
    if (!c.has("param.attn.qkv.weight")) return parallelVit(c, heads(c), epsilon);
    const maps = thirds(linearOf(c, "attn.qkv"), linearOf(c, "attn.proj"));
    const normed = c.has("param.attn.q_norm.weight");
    const others = normed ? { others: headLayerNorms(c, ["attn.q_norm", "attn.k_norm"]) } : {};
    return {
      attention: {
        maps: { ...maps, ...others },
        options: { heads: heads(c), causal: false, ...(normed && { qkNorm: "layer", normEpsilon: epsilon }) },
      },
      norms: layer(epsilon, { attention: "norm1", channel: "norm2" }),
      channel: plain(c, ["mlp.fc1", "mlp.fc2"], "gelu"),
      branch: (t, which) => (c.has("param.ls1.gamma") ? t.mul(c.tensor(`param.ls${which}.gamma`)) : t),
    };
  };

/** Global and local layers turn at their own rates; the first layer's attention has no norm before it. */
const modernBert: Family = (c) => {
  const settings = settingsOf(c);
  const local = layerOf(c) % ((settings.global_attn_every_n_layers as number | undefined) ?? 3) !== 0;
  const positions = ropeOf({ rope_parameters: { rope_theta: local ? 1e4 : 1.6e5 }, ...settings });
  if (typeof positions === "string") return positions;
  const joined = linearOf(c, "mlp.Wi");
  const half = joined.weight.dim(0) / 2;
  const [gate, up] = partsOf(joined, [half, half]) as [StoredLinear, StoredLinear];
  return {
    attention: {
      maps: thirds(linearOf(c, "attn.Wqkv"), linearOf(c, "attn.Wo")),
      options: { heads: settings.num_attention_heads, causal: false, positions },
      tables: positions,
    },
    norms: layer(1e-5, { channel: "mlp_norm", ...(c.has("param.attn_norm.weight") && { attention: "attn_norm" }) }),
    channel: gatedChannel({ gate, up, down: linearOf(c, "mlp.Wo") }, "gelu"),
  };
};

const t5: Family = (c) => {
  const settings = settingsOf(c);
  const { relative_attention_num_buckets: buckets, relative_attention_max_distance: maxDistance } = settings;
  const positions = { kind: "t5-bias", buckets, maxDistance, sides: "both" };
  const others = { "positions.table": c.tensor("param.layer.0.SelfAttention.relative_attention_bias.weight") };
  const map = (name: string) => linearOf(c, `layer.1.DenseReluDense.${name}`);
  const gated = c.has("param.layer.1.DenseReluDense.wi_0.weight");
  return {
    attention: {
      maps: { ...fourMaps(c, "layer.0.SelfAttention", ["q", "k", "v", "o"]), others },
      options: {
        heads: settings.num_heads as number,
        headSize: settings.d_kv,
        causal: false,
        scale: "none",
        positions,
      },
    },
    norms: { kind: "rms", epsilon: 1e-6, attention: "layer.0.layer_norm", channel: "layer.1.layer_norm" },
    channel: gated
      ? gatedChannel({ gate: map("wi_0"), up: map("wi_1"), down: map("wo") }, "gelu-tanh")
      : plainChannel({ up: map("wi"), down: map("wo") }, "relu"),
  };
};

export const encoderFamilies: Readonly<Record<string, Family>> = {
  "bert-layer": bertLike(bertNorms, { wiring: "post" }),
  "big-bird-layer": bertLike(bertNorms, { wiring: "post", activation: "gelu_new" }),
  "modernbert-layer": modernBert,
  "roformer-layer": bertLike(bertNorms, {
    wiring: "post",
    options: () => ({ positions: { kind: "rope", layout: "interleaved" } }),
  }),
  "roberta-prelayernorm-layer": bertLike(
    layer(1e-12, { attention: "attention.LayerNorm", channel: "intermediate.LayerNorm" }),
  ),
  "esm-layer": bertLike(layer(1e-12, { attention: "attention.LayerNorm", channel: "LayerNorm" }), { tables: true }),
  "encoder-layer": torchEncoder,
  "vit-block": vit((c) => (c.config.args as { num_heads: number }).num_heads, 1e-6),
  "vision-vit-block": vit((c) => c.number("heads"), 1e-6),
  "vision-parallel-vit-block": vit((c) => c.number("heads"), 1e-6),
  "t5-encoder-layer": t5,
};
