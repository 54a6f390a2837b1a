/** Attention modules of transformers: one adapter, a row a family. */
import type { Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf, type StoredAttention, type StoredLinear } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import {
  averageOfBlind,
  type HfSettings,
  masksOf,
  type PositionOptions,
  reachOf,
  ropeOf,
  ropeTables,
  settingsOf,
} from "./hf-attention.fixture.ts";
import { grouped } from "./layer-families-other.fixture.ts";
import { linearOf } from "./layer-parts.fixture.ts";

interface Options {
  readonly heads: number;
  readonly positions?: PositionOptions;
  readonly [option: string]: unknown;
}

/** How a family's module maps onto `attention`. */
interface Family {
  options(settings: HfSettings, c: GoldenCase): Options | Absent;
  stored(c: GoldenCase): StoredAttention;
}

const fourMaps = (c: GoldenCase, [q, k, v, out]: readonly [string, string, string, string]): StoredAttention => ({
  q: linearOf(c, q),
  k: linearOf(c, k),
  v: linearOf(c, v),
  out: linearOf(c, out),
});
const projected = (c: GoldenCase, out: string) => fourMaps(c, ["q_proj", "k_proj", "v_proj", out]);

function rotary(settings: HfSettings, c: GoldenCase, more: Record<string, unknown> = {}): Options | Absent {
  const positions = ropeOf(settings, "halves", c.number("T"));
  if (typeof positions === "string") return positions;
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headSize } = settings;
  return { heads, kvHeads, headSize, positions, ...more };
}

/** Maps of q, k and v in one matrix [in, 3·out]. */
function fusedColumns(c: GoldenCase): StoredAttention {
  const [weight, bias] = [c.tensor("param.c_attn.weight").transpose([1, 0]), c.tensor("param.c_attn.bias")];
  const size = bias.dim(0) / 3;
  const part = (i: number): StoredLinear => ({
    weight: weight.slice(0, i * size, (i + 1) * size),
    bias: bias.slice(0, i * size, (i + 1) * size),
  });
  const out = { weight: c.tensor("param.c_proj.weight").transpose([1, 0]), bias: c.tensor("param.c_proj.bias") };
  return { q: part(0), k: part(1), v: part(2), out };
}

/** Rows by head: its queries, then their gates. */
function queriesAndGates(c: GoldenCase): [query: Tensor, gate: Tensor] {
  const { num_attention_heads: heads, head_dim: size } = settingsOf(c);
  const rows = c.tensor("param.q_proj.weight").reshape([heads, 2, size!, -1]);
  const part = (i: number) => rows.slice(1, i, i + 1).reshape([heads * size!, -1]);
  return [part(0), part(1)];
}

/** Layers either turn neighbouring pairs and norm them, or do neither and let queries grow with their position. */
function llama4Options(settings: HfSettings): Options | Absent {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headSize } = settings;
  const plain = { heads, kvHeads, headSize };
  if ((settings.no_rope_layers as number[])[0] === 0)
    return { ...plain, lengthScale: { every: settings.floor_scale, slope: settings.attn_scale } };
  const positions = ropeOf({ rope_parameters: { rope_theta: 5e5 }, ...settings }, "interleaved");
  if (typeof positions === "string") return positions;
  const pattern = { kind: "chunk", size: settings.attention_chunk_size };
  return { ...plain, pattern, positions, qkNorm: "rms", normGain: "none", normEpsilon: 1e-5, normAfterPositions: true };
}

const families: Readonly<Record<string, Family>> = {
  "llama-attention": { options: (settings, c) => rotary(settings, c), stored: (c) => projected(c, "o_proj") },
  "qwen3-attention": {
    options: (settings, c) => rotary(settings, c, { qkNorm: "rms", normEpsilon: 1e-6 }),
    stored: (c) => ({
      ...projected(c, "o_proj"),
      others: { queryGain: c.tensor("param.q_norm.weight"), keyGain: c.tensor("param.k_norm.weight") },
    }),
  },
  "gpt-oss-attention": {
    options: (settings, c) => rotary(settings, c, { sinks: true, ...reachOf(c) }),
    stored: (c) => ({ ...projected(c, "o_proj"), others: { sink: c.tensor("param.sinks") } }),
  },
  "qwen3-next-attention": {
    options: (settings, c) => rotary(settings, c, { qkNorm: "rms", normEpsilon: 1e-6, gate: "feature" }),
    stored: (c) => {
      const [query, gate] = queriesAndGates(c);
      return {
        ...projected(c, "o_proj"),
        q: { weight: query },
        others: {
          queryGain: c.tensor("param.q_norm.weight").add(1),
          keyGain: c.tensor("param.k_norm.weight").add(1),
          gate: gate.transpose([1, 0]),
        },
      };
    },
  },
  "llama4-attention": {
    options: llama4Options,
    stored: (c) => projected(c, "o_proj"),
  },
  "gpt2-attention": {
    options: ({ n_head, scale_attn_weights }) => ({
      heads: n_head as number,
      scale: scale_attn_weights === false ? "none" : "rsqrt",
    }),
    stored: fusedColumns,
  },
  "gptj-attention": {
    options: ({ n_head, n_embd, rotary_dim }) => {
      const headSize = (n_embd as number) / (n_head as number);
      const positions: PositionOptions = {
        kind: "rope",
        layout: "interleaved",
        rotaryFraction: (rotary_dim as number) / headSize,
      };
      return { heads: n_head as number, positions };
    },
    stored: (c) => projected(c, "out_proj"),
  },
  "bloom-attention": {
    options: ({ n_head }) => ({ heads: n_head as number, positions: { kind: "alibi" } }),
    stored: (c) => {
      const heads = settingsOf(c).n_head as number;
      return grouped(linearOf(c, "query_key_value"), linearOf(c, "dense"), { heads, groups: heads });
    },
  },
  "t5-attention": {
    options: (settings, c) => {
      const causal = c.text("target").startsWith("decoder");
      const { relative_attention_num_buckets: buckets, relative_attention_max_distance: maxDistance } = settings;
      const positions = { kind: "t5-bias", buckets, maxDistance, sides: causal ? "past" : "both" };
      return { heads: settings.num_heads as number, headSize: settings.d_kv, causal, scale: "none", positions };
    },
    stored: (c) => ({
      ...fourMaps(c, ["q", "k", "v", "o"]),
      others: { "positions.table": c.tensor("param.relative_attention_bias.weight") },
    }),
  },
};

function build(c: GoldenCase, family: Family): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const options = family.options(settings, c);
  if (typeof options === "string") return options;
  const { io, blind_BT } = masksOf(c);
  const stored = family.stored(c);
  const x_BTD = c.tensor("in.x");
  const { positions } = options;
  const seeing = { x_BTD, stored, blind_BT, heads: { count: options.heads, positions } };
  const { y, weights } = averageOfBlind(attentionOf(x_BTD, stored, { options, io }), seeing);
  const headSize = stored.out.weight.dim(1) / options.heads;
  return { outputs: { "out.y": y, "out.weights": weights, ...(positions && ropeTables(c, positions, { headSize })) } };
}

export const adapters: readonly GoldenAdapter[] = Object.entries(families).map(([component, family]) => ({
  kind: "blocks",
  component,
  build: (c) => build(c, family),
}));
