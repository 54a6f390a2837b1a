import type { StoredAttention, StoredLinear } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { type HfSettings, ropeOf, settingsOf } from "./hf-attention.fixture.ts";
import { fourMaps, layerOf } from "./layer-families-decoder.fixture.ts";
import type { Family, Layer } from "./layer-family.ts";
import { activationOf, linearOf, partsOf, plainChannel } from "./layer-parts.fixture.ts";

/** Maps stored as [in, out]. */
const flipped = ({ weight, bias }: StoredLinear): StoredLinear => ({ weight: weight.transpose([1, 0]), bias });

const equalParts = (joined: StoredLinear): [StoredLinear, StoredLinear, StoredLinear] => {
  const size = joined.weight.dim(0) / 3;
  return partsOf(joined, [size, size, size]) as [StoredLinear, StoredLinear, StoredLinear];
};

/** Rows of all q, k and v, each a third. */
export function thirds(joined: StoredLinear, out: StoredLinear): StoredAttention {
  const [q, k, v] = equalParts(joined);
  return { q, k, v, out };
}

/** Rows by groups: the group's query heads, its key head, its value head. */
export function grouped(
  joined: StoredLinear,
  out: StoredLinear,
  { heads, groups }: { heads: number; groups: number },
): StoredAttention {
  const [share, size] = [heads / groups, out.weight.dim(1) / heads];
  const byHead = (rows: StoredLinear["weight"]) => rows.reshape([groups, share + 2, size, -1]);
  const pick = (start: number, end: number): StoredLinear => ({
    weight: byHead(joined.weight)
      .slice(1, start, end)
      .reshape([-1, joined.weight.dim(1)]),
    bias: joined.bias && byHead(joined.bias.unsqueeze(1)).slice(1, start, end).reshape([-1]),
  });
  return { q: pick(0, share), k: pick(share, share + 1), v: pick(share + 1, share + 2), out };
}

export const plain = (c: GoldenCase, [up, down]: readonly [string, string], activation: string) =>
  plainChannel({ up: linearOf(c, up), down: linearOf(c, down) }, activationOf(activation));

export const layer = (epsilon: number, names: Omit<Layer["norms"], "kind" | "epsilon">): Layer["norms"] => ({
  kind: "layer",
  epsilon,
  ...names,
});
const inputAndPost = { attention: "input_layernorm", channel: "post_attention_layernorm" };
const neoxMaps = ["mlp.dense_h_to_4h", "mlp.dense_4h_to_h"] as const;

const gpt2: Family = (c) => {
  const settings = settingsOf(c);
  const [heads, width] = [settings.n_head as number, settings.n_embd as number];
  const scale = settings.scale_attn_by_inverse_layer_idx ? (width / heads) ** -0.5 / (layerOf(c) + 1) : "rsqrt";
  const activation = activationOf((settings.activation_function as string | undefined) ?? "gelu_new");
  return {
    attention: {
      maps: thirds(flipped(linearOf(c, "attn.c_attn")), flipped(linearOf(c, "attn.c_proj"))),
      options: { heads, scale },
    },
    norms: layer(1e-5, { attention: "ln_1", channel: "ln_2" }),
    channel: plainChannel(
      { up: flipped(linearOf(c, "mlp.c_fc")), down: flipped(linearOf(c, "mlp.c_proj")) },
      activation,
    ),
  };
};

const bigcode: Family = (c) => {
  const heads = settingsOf(c).n_head as number;
  const out = linearOf(c, "attn.c_proj");
  const size = out.weight.dim(1);
  const [q, k, v] = partsOf(linearOf(c, "attn.c_attn"), [size, size / heads, size / heads]) as [
    StoredLinear,
    StoredLinear,
    StoredLinear,
  ];
  return {
    attention: { maps: { q, k, v, out }, options: { heads, kvHeads: 1 } },
    norms: layer(1e-5, { attention: "ln_1", channel: "ln_2" }),
    channel: plain(c, ["mlp.c_fc", "mlp.c_proj"], "gelu_new"),
  };
};

/** Local layers narrow the mask themselves; layers alternate, beginning with a global one. */
const gptNeo: Family = (c) => {
  const { num_heads: heads, window_size: window } = settingsOf(c);
  return {
    attention: {
      maps: fourMaps(c, "attn.attention", ["q_proj", "k_proj", "v_proj", "out_proj"]),
      options: { heads: heads as number, scale: "none", ...(layerOf(c) % 2 === 1 && { window }) },
    },
    norms: layer(1e-5, { attention: "ln_1", channel: "ln_2" }),
    channel: plain(c, ["mlp.c_fc", "mlp.c_proj"], "gelu_new"),
  };
};

const gptj: Family = (c) => {
  const { n_head: heads, n_embd, rotary_dim } = settingsOf(c) as unknown as Record<string, number>;
  const positions = { kind: "rope", layout: "interleaved", rotaryFraction: (rotary_dim! * heads!) / n_embd! };
  return {
    attention: {
      maps: fourMaps(c, "attn", ["q_proj", "k_proj", "v_proj", "out_proj"]),
      options: { heads: heads!, positions },
    },
    norms: layer(1e-5, { attention: "ln_1", channel: "ln_1" }),
    channel: plain(c, ["mlp.fc_in", "mlp.fc_out"], "gelu_new"),
    wiring: "parallel",
  };
};

const neox: Family = (c) => {
  const settings = settingsOf(c);
  const [heads, tables] = [settings.num_attention_heads, ropeOf(settings)];
  if (typeof tables === "string") return tables;
  const maps = grouped(linearOf(c, "attention.query_key_value"), linearOf(c, "attention.dense"), {
    heads,
    groups: heads,
  });
  return {
    attention: { maps, options: { heads, positions: tables }, tables },
    norms: layer(1e-5, inputAndPost),
    channel: plain(c, neoxMaps, "gelu"),
    wiring: settings.use_parallel_residual === false ? "serial" : "parallel",
  };
};

/** LayerNorm of each head's queries and keys, stored under these names. */
export const headLayerNorms = (c: GoldenCase, [query, key]: readonly [string, string]) => ({
  queryGain: c.tensor(`param.${query}.weight`),
  queryOffset: c.tensor(`param.${query}.bias`),
  keyGain: c.tensor(`param.${key}.weight`),
  keyOffset: c.tensor(`param.${key}.bias`),
});

const phi: Family = (c) => {
  const settings = settingsOf(c);
  const tables = ropeOf(settings);
  if (typeof tables === "string") return tables;
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, qk_layernorm: normed } = settings;
  const others = normed ? { others: headLayerNorms(c, ["self_attn.q_layernorm", "self_attn.k_layernorm"]) } : {};
  return {
    attention: {
      maps: { ...fourMaps(c, "self_attn", ["q_proj", "k_proj", "v_proj", "dense"]), ...others },
      options: { heads, kvHeads, positions: tables, ...(normed === true && { qkNorm: "layer", normEpsilon: 1e-5 }) },
      tables,
    },
    norms: layer(1e-5, { attention: "input_layernorm", channel: "input_layernorm" }),
    channel: plain(c, ["mlp.fc1", "mlp.fc2"], "gelu_new"),
    wiring: "parallel",
  };
};

const persimmon: Family = (c) => {
  const settings = settingsOf(c);
  const [heads, tables] = [settings.num_attention_heads, ropeOf(settings)];
  if (typeof tables === "string") return tables;
  const maps = grouped(linearOf(c, "self_attn.query_key_value"), linearOf(c, "self_attn.dense"), {
    heads,
    groups: heads,
  });
  return {
    attention: {
      maps: { ...maps, others: headLayerNorms(c, ["self_attn.q_layernorm", "self_attn.k_layernorm"]) },
      options: { heads, positions: tables, qkNorm: "layer", normEpsilon: 1e-5 },
      tables,
    },
    norms: layer(1e-5, inputAndPost),
    channel: plain(c, neoxMaps, "relu2"),
  };
};

const bloom: Family = (c) => {
  const { n_head: heads, apply_residual_connection_post_layernorm: fromNorm } = settingsOf(c) as unknown as {
    n_head: number;
    [key: string]: unknown;
  };
  const maps = grouped(linearOf(c, "self_attention.query_key_value"), linearOf(c, "self_attention.dense"), {
    heads,
    groups: heads,
  });
  return {
    attention: { maps, options: { heads, positions: { kind: "alibi" } } },
    norms: layer(1e-5, inputAndPost),
    channel: plain(c, neoxMaps, "gelu_new"),
    wiring: fromNorm ? "from-norm" : "serial",
  };
};

const falcon: Family = (c) => {
  const settings = settingsOf(c);
  const [heads, tables] = [settings.num_attention_heads, ropeOf(settings)];
  if (typeof tables === "string") return tables;
  const groups = settings.new_decoder_architecture
    ? (settings.num_kv_heads as number)
    : settings.multi_query === false
      ? heads
      : 1;
  const maps = grouped(linearOf(c, "self_attention.query_key_value"), linearOf(c, "self_attention.dense"), {
    heads,
    groups,
  });
  // The bias is added before scores are scaled.
  const factor = (heads / maps.out.weight.dim(0)) ** 0.5;
  const positions = settings.alibi ? { kind: "alibi", factor } : tables;
  return {
    attention: { maps, options: { heads, kvHeads: groups, positions }, tables },
    norms: layer(1e-5, falconNorms(settings)),
    channel: plain(c, neoxMaps, "gelu"),
    wiring: settings.parallel_attn === false ? "serial" : "parallel",
  };
};

function falconNorms({ new_decoder_architecture, parallel_attn }: HfSettings) {
  if (new_decoder_architecture) return { attention: "ln_attn", channel: "ln_mlp" };
  return parallel_attn === false ? inputAndPost : { attention: "input_layernorm", channel: "input_layernorm" };
}

/** Rows in 4 parts, each with the queries, the values and the keys of a quarter of the heads. */
const codegen: Family = (c) => {
  const { n_head: heads, n_embd: width, rotary_dim } = settingsOf(c) as unknown as Record<string, number>;
  const rows = c.tensor("param.attn.qkv_proj.weight").reshape([4, 3, width! / 4, width!]);
  const part = (i: number) => ({ weight: rows.slice(1, i, i + 1).reshape([width!, width!]) });
  const positions = { kind: "rope", layout: "interleaved", rotaryFraction: (rotary_dim! * heads!) / width! };
  return {
    attention: {
      maps: { q: part(0), k: part(2), v: part(1), out: linearOf(c, "attn.out_proj") },
      options: { heads: heads!, positions },
    },
    norms: layer(1e-5, { attention: "ln_1", channel: "ln_1" }),
    channel: plain(c, ["mlp.fc_in", "mlp.fc_out"], "gelu_new"),
    wiring: "parallel",
  };
};

/** Decoders of fairseq's kind: names of the norms tell what follows them. */
const fairseq =
  (activation: string): Family =>
  (c) => {
    const { num_attention_heads, attention_heads } = settingsOf(c) as unknown as Record<string, number>;
    return {
      attention: {
        maps: fourMaps(c, "self_attn", ["q_proj", "k_proj", "v_proj", "out_proj"]),
        options: { heads: (attention_heads ?? num_attention_heads)! },
      },
      norms: layer(1e-5, { attention: "self_attn_layer_norm", channel: "final_layer_norm" }),
      channel: plain(c, ["fc1", "fc2"], activation),
    };
  };

export const otherFamilies: Readonly<Record<string, Family>> = {
  "gpt2-layer": gpt2,
  "gpt-bigcode-layer": bigcode,
  "gpt-neo-layer": gptNeo,
  "gptj-layer": gptj,
  "codegen-layer": codegen,
  "gpt-neox-layer": neox,
  "phi-layer": phi,
  "persimmon-layer": persimmon,
  "bloom-layer": bloom,
  "falcon-layer": falcon,
  "opt-layer": fairseq("relu"),
  "biogpt-layer": fairseq("gelu"),
  "xglm-layer": fairseq("gelu"),
};
