/** Decoder layers of transformers whose channel mixer is a mixture of experts. */
import { moe } from "../../blocks/channels/moe.ts";
import { moa } from "../../blocks/mixers/moa.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf, type StoredAttention, storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { type HfSettings, maskOf, reachOf, ropeOf, ropeTables, settingsOf } from "./hf-attention.fixture.ts";
import { fourMaps } from "./layer-families-decoder.fixture.ts";
import type { Layer } from "./layer-family.ts";
import { linearOf, normOf, partsOf, type Sublayer } from "./layer-parts.fixture.ts";
import { wire } from "./layer-wiring.ts";

type Tensors = Readonly<Record<string, Tensor>>;

interface Family {
  norms?: Partial<Layer["norms"]>;
  epsilon: number;
  maps?: (c: GoldenCase) => StoredAttention;
  /** Settings that the source assumes where the case has none. */
  assumed?: Readonly<Record<string, unknown>>;
  /** Options of attention, and what it learns besides its maps. */
  options?: (settings: HfSettings) => Readonly<Record<string, unknown>>;
  others?: (c: GoldenCase) => Tensors;
  /** Options of `moe` and its parameters under our names. */
  mixture: (c: GoldenCase, settings: HfSettings) => { options: Readonly<Record<string, unknown>>; tensors: Tensors };
}

const columns = (w: Tensor) => w.swap(-1, -2);
const halves = (w: Tensor, axis: number) => w.split(axis, [w.dim(axis) / 2, w.dim(axis) / 2]) as [Tensor, Tensor];

/** Rows gate, then up, of every expert. */
function gatedExperts(c: GoldenCase, { module, router }: { module: string; router: string }): Tensors {
  const [gate, up] = halves(c.tensor(`param.${module}.experts.gate_up_proj`), 1);
  return {
    router: columns(c.tensor(`param.${module}.${router}.weight`)),
    gate: columns(gate),
    up: columns(up),
    down: columns(c.tensor(`param.${module}.experts.down_proj`)),
  };
}

const mlp = (c: GoldenCase) => gatedExperts(c, { module: "mlp", router: "gate" });

/** Columns alternate gate and up; maps are stored [in, out]. */
function gptOssExperts(c: GoldenCase): Tensors {
  const at = (name: string) => c.tensor(`param.mlp.${name}`);
  const every = (name: string, start: 0 | 1) => at(`experts.${name}`).slice(-1, start, Number.POSITIVE_INFINITY, 2);
  return {
    router: columns(at("router.weight")),
    routerBias: at("router.bias"),
    gate: every("gate_up_proj", 0),
    up: every("gate_up_proj", 1),
    gateBias: every("gate_up_proj_bias", 0),
    upBias: every("gate_up_proj_bias", 1),
    down: at("experts.down_proj"),
    downBias: at("experts.down_proj_bias"),
  };
}

/** DBRX keeps attention's settings apart. */
interface DbrxSettings {
  attn_config: { clip_qkv: number };
}

/** Maps of experts are stored below each other, the last one [in, out]. */
function dbrxExperts(c: GoldenCase): Tensors {
  const router = c.tensor("param.ffn.router.layer.weight");
  const stacked = (name: string) => {
    const rows = c.tensor(`param.ffn.experts.mlp.${name}`);
    return rows.reshape([router.dim(0), -1, rows.dim(1)]);
  };
  return { router: columns(router), gate: columns(stacked("w1")), up: columns(stacked("v1")), down: stacked("w2") };
}

function dbrxMaps(c: GoldenCase): StoredAttention {
  const out = linearOf(c, "norm_attn_norm.attn.out_proj");
  const joined = linearOf(c, "norm_attn_norm.attn.Wqkv");
  const width = out.weight.dim(1);
  const kv = (joined.weight.dim(0) - width) / 2;
  const [q, k, v] = partsOf(joined, [width, kv, kv]) as [typeof out, typeof out, typeof out];
  return { q, k, v, out };
}

const families: Readonly<Record<string, Family>> = {
  "dbrx-layer": {
    epsilon: 1e-5,
    norms: { kind: "layer", attention: "norm_attn_norm.norm_1", channel: "norm_attn_norm.norm_2" },
    maps: dbrxMaps,
    options: ({ attn_config }) => ({ clip: (attn_config as DbrxSettings["attn_config"]).clip_qkv }),
    mixture: (c) => ({ options: {}, tensors: dbrxExperts(c) }),
  },
  "mixtral-layer": {
    epsilon: 1e-5,
    assumed: { rope_parameters: { rope_theta: 1e6 } },
    mixture: (c) => ({ options: {}, tensors: mlp(c) }),
  },
  "olmoe-layer": {
    epsilon: 1e-5,
    options: () => ({ qkNorm: "rms-wide", normEpsilon: 1e-5 }),
    others: (c) => ({
      queryGain: c.tensor("param.self_attn.q_norm.weight"),
      keyGain: c.tensor("param.self_attn.k_norm.weight"),
    }),
    mixture: (c) => ({ options: { routing: "topk-of-softmax" }, tensors: mlp(c) }),
  },
  "qwen2-moe-layer": {
    epsilon: 1e-6,
    mixture: (c) => {
      const shared = (name: string) => columns(c.tensor(`param.mlp.${name}.weight`));
      const up = shared("shared_expert.up_proj");
      return {
        options: { routing: "topk-of-softmax", shared: up.dim(1), sharedGate: true },
        tensors: {
          ...mlp(c),
          sharedGate: shared("shared_expert.gate_proj"),
          sharedUp: up,
          sharedDown: shared("shared_expert.down_proj"),
          sharedMix: shared("shared_expert_gate"),
        },
      };
    },
  },
  "granite-moe-shared": {
    epsilon: 1e-6,
    options: ({ attention_multiplier }) => ({ scale: attention_multiplier ?? 1 }),
    mixture: (c) => {
      const [gate, up] = halves(c.tensor("param.shared_mlp.input_linear.weight"), 0);
      return {
        options: { shared: up.dim(0) },
        tensors: {
          ...gatedExperts(c, { module: "block_sparse_moe", router: "router" }),
          sharedGate: columns(gate),
          sharedUp: columns(up),
          sharedDown: columns(c.tensor("param.shared_mlp.output_linear.weight")),
        },
      };
    },
  },
  "gpt-oss-layer": {
    epsilon: 1e-5,
    options: () => ({ sinks: true }),
    others: (c) => ({ sink: c.tensor("param.self_attn.sinks") }),
    mixture: (c) => ({
      options: { routerBias: true, expertBias: true, activation: "gelu-sigmoid", limit: 7, upOffset: 1 },
      tensors: gptOssExperts(c),
    }),
  },
};

function channelOf({ options, tensors }: ReturnType<Family["mixture"]>, topK: number): Sublayer {
  const { up, router } = tensors as Record<"up" | "router", Tensor>;
  const c = moe.config.parse({ ...options, topK, experts: router.dim(1), hidden: up.dim(2) });
  const p = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, storedWeight(tensor)]));
  return (x) => moe.forward(x, { c, d: moe.dims(c, x.dim(-1)), p: p as never, b: {}, io: storedIo() }).y;
}

function build(c: GoldenCase, family: Family): GoldenGraph | Absent {
  const settings: HfSettings = { ...family.assumed, ...settingsOf(c) };
  const rotation = ropeOf(settings, "halves", c.number("T"));
  if (typeof rotation === "string") return rotation;
  const io = maskOf(c);
  if (typeof io === "string") return io;
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headSize } = settings;
  const maps: StoredAttention = {
    ...(family.maps?.(c) ?? fourMaps(c, "self_attn", ["q_proj", "k_proj", "v_proj", "o_proj"])),
    others: family.others?.(c) ?? {},
  };
  const options = { heads, kvHeads, headSize, positions: rotation, ...family.options?.(settings) };
  const norms: Layer["norms"] = {
    kind: "rms",
    epsilon: (settings.rms_norm_eps as number | undefined) ?? family.epsilon,
    attention: "input_layernorm",
    channel: "post_attention_layernorm",
    ...family.norms,
  };
  const channel = channelOf(family.mixture(c, settings), Number(settings.num_experts_per_tok ?? 2));
  const y = wire(
    c.tensor("in.x"),
    { attention: { maps, options }, norms, channel },
    {
      attend: (x) => attentionOf(x, maps, { options: { ...reachOf(c), ...options }, io }).y,
      norm: (name) => normOf(c, name, norms),
    },
  );
  const size = maps.out.weight.dim(1) / heads;
  return { outputs: { "out.y": y, ...ropeTables(c, rotation, { headSize: size }) } };
}

/** Attention and channel mixer are mixtures with routers of one form; maps of experts are stored [E, out, in]. */
function jetmoe(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const rotation = ropeOf(settings);
  if (typeof rotation === "string") return rotation;
  const [io, at] = [maskOf(c), (name: string) => c.tensor(`param.${name}`)];
  if (typeof io === "string") return io;
  const { num_key_value_heads: kvHeads, kv_channels: headSize } = settings;
  const [experts, topK] = [Number(settings.num_local_experts), Number(settings.num_experts_per_tok)];
  const config = moa.config.parse({ experts, topK, kvHeads, headSize, positions: rotation, outBias: true });
  const p = {
    router: columns(at("self_attention.experts.router.layer.weight")),
    kv: columns(at("self_attention.kv_proj.weight")),
    query: columns(at("self_attention.experts.input_linear.weight")),
    out: columns(at("self_attention.experts.output_linear.weight")),
    outBias: at("self_attention.experts.bias"),
  };
  const weights = Object.fromEntries(Object.entries(p).map(([name, tensor]) => [name, storedWeight(tensor)])) as never;
  const attend: Sublayer = (x) =>
    moa.forward(x, { c: config, d: moa.dims(config, x.dim(2)), p: weights, s: {}, b: {}, io: storedIo(io) }).y;
  const [gate, up] = halves(at("mlp.input_linear.weight"), 1);
  const mixture = {
    options: {},
    tensors: {
      router: columns(at("mlp.router.layer.weight")),
      gate: columns(gate),
      up: columns(up),
      down: columns(at("mlp.output_linear.weight")),
    },
  };
  const channel: Sublayer = (x) => channelOf(mixture, topK)(x).add(at("mlp.bias"));
  const norm = (name: string) => normOf(c, name, { kind: "rms", epsilon: Number(settings.rms_norm_eps ?? 1e-6) });
  const x = c.tensor("in.x");
  const a = x.add(attend(norm("input_layernorm")(x)));
  const y = a.add(channel(norm("post_attention_layernorm")(a)));
  return { outputs: { "out.y": y, ...ropeTables(c, rotation, { headSize: Number(headSize) }) } };
}

export const adapters: readonly GoldenAdapter[] = [
  ...Object.entries(families).map(([component, family]) => ({
    kind: "blocks",
    component,
    build: (c: GoldenCase) => build(c, family),
  })),
  { kind: "blocks", component: "jetmoe-layer", build: jetmoe },
];
