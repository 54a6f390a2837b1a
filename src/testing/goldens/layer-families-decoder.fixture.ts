import type { ActivationKind } from "../../blocks/channels/activation.ts";
import { concat, stack, type Tensor } from "../../tensor/index.ts";
import type { StoredAttention } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { type HfSettings, type PositionOptions, ropeOf, settingsOf } from "./hf-attention.fixture.ts";
import type { Family, Layer } from "./layer-family.ts";
import {
  activationOf,
  gatedChannel,
  linearOf,
  type NormKind,
  partsOf,
  plainChannel,
  type Sublayer,
} from "./layer-parts.fixture.ts";

/** What sets a decoder with rotary positions apart from Llama. */
interface Variant {
  norm?: NormKind;
  epsilon?: number;
  norms?: Partial<Layer["norms"]>;
  maps?: (c: GoldenCase, settings: HfSettings) => StoredAttention;
  layout?: "halves" | "interleaved";
  repeats?: "halves" | "neighbours";
  /** Settings that the source assumes where the case has none. */
  assumed?:
    | Readonly<Record<string, unknown>>
    | ((settings: HfSettings, layer: number) => Readonly<Record<string, unknown>>);
  options?: (settings: HfSettings, c: GoldenCase) => Readonly<Record<string, unknown>>;
  /** Whether this layer leaves queries and keys as they are. */
  unrotated?: (layer: number) => boolean;
  channel?: (c: GoldenCase, activation: ActivationKind) => Sublayer;
  activation?: string;
  wiring?: Layer["wiring"];
  branch?: (settings: HfSettings) => Layer["branch"];
}

export const layerOf = (c: GoldenCase): number => Number(/\d+/.exec(c.text("target"))?.[0]);

export const fourMaps = (c: GoldenCase, prefix: string, [q, k, v, out]: readonly string[]): StoredAttention => ({
  q: linearOf(c, `${prefix}.${q}`),
  k: linearOf(c, `${prefix}.${k}`),
  v: linearOf(c, `${prefix}.${v}`),
  out: linearOf(c, `${prefix}.${out}`),
});
const llamaMaps = (c: GoldenCase) => fourMaps(c, "self_attn", ["q_proj", "k_proj", "v_proj", "o_proj"]);

const llamaChannel = (c: GoldenCase, activation: ActivationKind) =>
  gatedChannel(
    { gate: linearOf(c, "mlp.gate_proj"), up: linearOf(c, "mlp.up_proj"), down: linearOf(c, "mlp.down_proj") },
    activation,
  );

/** Rows gate, then up. */
function fusedChannel(c: GoldenCase, activation: ActivationKind): Sublayer {
  const joined = linearOf(c, "mlp.gate_up_proj");
  const half = joined.weight.dim(0) / 2;
  const [gate, up] = partsOf(joined, [half, half]) as [typeof joined, typeof joined];
  return gatedChannel({ gate, up, down: linearOf(c, "mlp.down_proj") }, activation);
}

const twoMaps = (up: string, down: string) => (c: GoldenCase, activation: ActivationKind) =>
  plainChannel({ up: linearOf(c, up), down: linearOf(c, down) }, activation);

const headNorms = (c: GoldenCase, plus = 0) => {
  const gain = (name: string) => c.tensor(`param.self_attn.${name}.weight`).add(plus);
  return { queryGain: gain("q_norm"), keyGain: gain("k_norm") };
};

function llamaLike(variant: Variant = {}): Family {
  return (c) => {
    const given = settingsOf(c);
    const assumed = typeof variant.assumed === "function" ? variant.assumed(given, layerOf(c)) : variant.assumed;
    const settings: HfSettings = { ...assumed, ...given };
    const rotation = ropeOf(settings, variant.layout, c.number("T"));
    if (typeof rotation === "string") return rotation;
    const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headSize } = settings;
    const positions: PositionOptions = variant.unrotated?.(layerOf(c)) ? { kind: "none" } : rotation;
    const activation = activationOf(
      (settings.hidden_act ?? settings.hidden_activation ?? variant.activation ?? "silu") as string,
    );
    const branch = variant.branch?.(settings);
    return {
      attention: {
        maps: (variant.maps ?? llamaMaps)(c, settings),
        options: { heads, kvHeads, headSize, positions, ...variant.options?.(settings, c) },
        tables: rotation,
        ...(variant.repeats && { repeats: variant.repeats }),
      },
      norms: {
        kind: variant.norm ?? "rms",
        epsilon: (settings.rms_norm_eps as number | undefined) ?? variant.epsilon ?? 1e-6,
        ...(variant.norms ?? { attention: "input_layernorm", channel: "post_attention_layernorm" }),
      },
      channel: (variant.channel ?? llamaChannel)(c, activation),
      ...(variant.wiring && { wiring: variant.wiring }),
      ...(branch && { branch }),
    };
  };
}

/** LayerNorm of each head's queries and keys, with a gain a head: [heads, 1, size]. */
const headGains = (c: GoldenCase) => {
  const gain = (side: "q" | "k") => {
    const together = c.maybe(`param.self_attn.${side}_norm.weight`);
    if (together) return together.unsqueeze(1);
    const names = c.names(`param.self_attn.${side}_layernorm.norms.`);
    return stack(
      0,
      names.map((name) => c.tensor(name).unsqueeze(0)),
    );
  };
  return { queryGain: gain("q"), keyGain: gain("k") };
};

const normedByHead = (variant: Variant): Variant => ({
  ...variant,
  maps: (c) => ({ ...llamaMaps(c), others: headGains(c) }),
  options: () => ({ qkNorm: "layer", normGain: "per-head", normOffset: false, normEpsilon: 1e-5 }),
});

const normed = (variant: Variant, qkNorm: string, plus = 0): Variant => ({
  ...variant,
  maps: (c) => ({ ...llamaMaps(c), others: headNorms(c, plus) }),
  options: (settings, c) => ({ qkNorm, normEpsilon: variant.epsilon ?? 1e-6, ...variant.options?.(settings, c) }),
});

const layerNorms = { norm: "layer", epsilon: 1e-5 } as const;
const branchNorms = { attentionOut: "post_attention_layernorm", channelOut: "post_feedforward_layernorm" };
const oneNorm = { attention: "input_layernorm", channel: "input_layernorm" };
const gemma = { norm: "rms-plus-one", activation: "gelu_pytorch_tanh" } as const;
const fourNorms = { ...branchNorms, attention: "input_layernorm", channel: "pre_feedforward_layernorm" };
const gemmaScale = (s: HfSettings) => ({ scale: ((s.query_pre_attn_scalar as number | undefined) ?? 256) ** -0.5 });

const cohere: Variant = {
  ...layerNorms,
  layout: "interleaved",
  repeats: "neighbours",
  norms: oneNorm,
  wiring: "parallel",
  assumed: { rope_parameters: { rope_theta: 5e5 } },
};

/** A pair whose halves change places turns the other way. */
function turnedTheOtherWay({ q, k, ...rest }: StoredAttention, settings: HfSettings): StoredAttention {
  const swapped = ({ weight }: { weight: Tensor }, heads: number) => {
    const [first, second] = weight.reshape([heads, 2, -1, weight.dim(1)]).split(1, [1, 1]) as [Tensor, Tensor];
    return { weight: concat(1, [second, first]).reshape(weight.shape) };
  };
  const { num_attention_heads: heads, num_key_value_heads: kvHeads = heads } = settings;
  return { ...rest, q: swapped(q, heads), k: swapped(k, kvHeads) };
}

/** Rows of q, k and v one after the other. */
function joinedRows(c: GoldenCase, settings: HfSettings): StoredAttention {
  const out = linearOf(c, "self_attn.o_proj");
  const joined = linearOf(c, "self_attn.qkv_proj");
  const size = out.weight.dim(1);
  const kv = (size * (settings.num_key_value_heads ?? settings.num_attention_heads)) / settings.num_attention_heads;
  const [q, k, v] = partsOf(joined, [size, kv, kv]) as [typeof joined, typeof joined, typeof joined];
  return { q, k, v, out };
}

export const decoderFamilies: Readonly<Record<string, Family>> = {
  "llama-layer": llamaLike(),
  "mistral-layer": llamaLike(),
  "ministral-layer": llamaLike(),
  "qwen2-layer": llamaLike(),
  "seed-oss-layer": llamaLike(),
  "cwm-layer": llamaLike({
    epsilon: 1e-5,
    assumed: {
      rope_parameters: {
        rope_type: "llama3",
        rope_theta: 1e6,
        factor: 16,
        original_max_position_embeddings: 8192,
        low_freq_factor: 1,
        high_freq_factor: 4,
      },
    },
  }),
  "qwen3-layer": llamaLike(normed({}, "rms")),
  "phi3-layer": llamaLike({ maps: joinedRows, channel: fusedChannel, epsilon: 1e-5 }),
  "smollm3-layer": llamaLike({
    unrotated: (layer) => layer % 4 === 3,
    assumed: { rope_parameters: { rope_theta: 2e6 } },
  }),
  "granite-layer": llamaLike({
    options: ({ attention_multiplier }) => ({ scale: attention_multiplier }),
    branch:
      ({ residual_multiplier }) =>
      (t) =>
        t.mul(residual_multiplier as number),
  }),
  "arcee-layer": llamaLike({ channel: twoMaps("mlp.up_proj", "mlp.down_proj"), activation: "relu2", epsilon: 1e-5 }),
  "jais2-layer": llamaLike({ ...layerNorms, channel: twoMaps("mlp.up_proj", "mlp.down_proj"), activation: "relu2" }),
  "nemotron-layer": llamaLike({
    norm: "layer-plus-one",
    epsilon: 1e-5,
    channel: twoMaps("mlp.up_proj", "mlp.down_proj"),
    activation: "relu2",
  }),
  "starcoder2-layer": llamaLike({
    ...layerNorms,
    channel: twoMaps("mlp.c_fc", "mlp.c_proj"),
    activation: "gelu_pytorch_tanh",
  }),
  "helium-layer": llamaLike({
    layout: "interleaved",
    epsilon: 1e-8,
    assumed: { rope_parameters: { rope_theta: 1e5 } },
  }),
  "glm-layer": llamaLike({ layout: "interleaved", channel: fusedChannel, epsilon: 1.5625e-7 }),
  "glm4-layer": llamaLike({
    layout: "interleaved",
    channel: fusedChannel,
    epsilon: 1.5625e-7,
    norms: {
      attention: "input_layernorm",
      attentionOut: "post_self_attn_layernorm",
      channel: "post_attention_layernorm",
      channelOut: "post_mlp_layernorm",
    },
  }),
  "gemma-layer": llamaLike(gemma),
  "gemma2-layer": llamaLike({
    ...gemma,
    norms: fourNorms,
    options: (s) => ({ ...gemmaScale(s), softcap: s.attn_logit_softcapping }),
  }),
  "gemma3-layer": llamaLike(
    normed(
      {
        ...gemma,
        norms: fourNorms,
        assumed: ({ layer_types }, layer) => {
          const sliding = (layer_types as string[])[layer] === "sliding_attention";
          return { rope_parameters: { rope_theta: sliding ? 1e4 : 1e6 } };
        },
        options: gemmaScale,
      },
      "rms",
      1,
    ),
  ),
  "vaultgemma-layer": llamaLike({
    ...gemma,
    norms: { attention: "input_layernorm", channel: "pre_feedforward_layernorm" },
    options: (s) => ({ ...gemmaScale(s), softcap: s.attn_logit_softcapping ?? 50 }),
  }),
  "olmo2-layer": llamaLike(normed({ norms: branchNorms, epsilon: 1e-5 }, "rms-wide")),
  "olmo3-layer": llamaLike(
    normed({ norms: branchNorms, epsilon: 1e-5, assumed: { rope_parameters: { rope_theta: 5e5 } } }, "rms-wide"),
  ),
  "exaone4-layer": llamaLike(normed({ norms: branchNorms, epsilon: 1e-5 }, "rms")),
  "olmo-layer": llamaLike({ ...layerNorms, options: ({ clip_qkv }) => ({ clip: clip_qkv }) }),
  "cohere-layer": (c) => llamaLike(settingsOf(c).use_qk_norm ? normedByHead(cohere) : cohere)(c),
  "cohere2-layer": llamaLike({
    ...layerNorms,
    layout: "interleaved",
    repeats: "neighbours",
    norms: oneNorm,
    wiring: "parallel",
    unrotated: (layer) => layer % 4 === 3,
  }),
  "stablelm-layer": (c) => {
    const { qk_layernorm, use_parallel_residual: parallel } = settingsOf(c);
    const variant: Variant = parallel ? { ...layerNorms, norms: oneNorm, wiring: "parallel" } : layerNorms;
    return llamaLike(qk_layernorm ? normedByHead(variant) : variant)(c);
  },
  "nanochat-layer": llamaLike({
    norms: { attention: "none", channel: "none" },
    maps: (c, settings) => turnedTheOtherWay(llamaMaps(c), settings),
    options: () => ({ qkNorm: "rms", normGain: "none", normAfterPositions: true, normEpsilon: 1e-6 }),
    channel: twoMaps("mlp.fc1", "mlp.fc2"),
    activation: "relu2",
  }),
};
