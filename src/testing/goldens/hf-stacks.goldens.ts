/** Encoders and decoder layers of transformers' translation models, and ALBERT, as models of our specs. */
import { transientGlobal } from "../../blocks/mixers/transient-global.ts";
import { concat, constant, iota, type Tensor } from "../../tensor/index.ts";
import { type StoredAttention, storedIo, storedWeight } from "./attention-of.fixture.ts";
import { type HfSettings, maskOf, settingsOf } from "./hf-attention.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "./index.ts";
import { fourMaps } from "./layer-families-decoder.fixture.ts";
import { activationOf, linearOf, normOf, plainChannel } from "./layer-parts.fixture.ts";
import { normAt, runStored, type StoredLayer, type StoredStack, stackOf } from "./model-of.fixture.ts";

/** What a module is: its layers, and whether they read a memory. */
interface Source {
  placement: "pre" | "post";
  activation: string;
  /** Positions and norm below the layers. */
  below?: (c: GoldenCase) => Pick<StoredStack, "parameters"> & { embedding: Readonly<Record<string, unknown>> };
  /** The norm behind the layers. */
  last?: string;
  /** Of the first token. */
  firstPosition?: number;
}

const isDecoder = (c: GoldenCase): boolean => c.text("target").startsWith("decoder");

/** Number of layers whose parameters stand below `layers.<n>.`; 0 where the case is one layer by itself. */
const depthOf = (c: GoldenCase, list: string): number =>
  new Set(c.names(`param.${list}.`).map((name) => name.split(".").slice(0, 3).join("."))).size;

/** A case's memory and which of its tokens exist: row 0 of each sequence's mask [B, 1, T, S]. */
function memoryOf(c: GoldenCase): { x_BSD: Tensor; mask_BS?: Tensor } {
  const x_BSD = c.tensor("in.memory");
  if (!c.has("in.memory_mask")) return { x_BSD };
  const [B, , T, S] = c.stored["in.memory_mask"]!.shape as [number, number, number, number];
  const seen = c.values("in.memory_mask");
  const rows = Array.from({ length: B }, (_, b) => [...seen.subarray(b * T * S, b * T * S + S)]);
  return { x_BSD, mask_BS: constant(rows.flat(), [B, S], "bool") };
}

/** The graph of a stack over the case's inputs and masks. */
function run(
  c: GoldenCase,
  stack: StoredStack,
  { width, firstPosition = 0 }: { width: number; firstPosition?: number },
) {
  const x = c.tensor("in.x");
  // Masks of blocks say what a window says.
  const io = isDecoder(c) || c.stored["in.mask"]?.shape.length === 5 ? {} : maskOf(c);
  if (typeof io === "string") return io;
  const positions = firstPosition && { positions_BT: iota(x.dim(1)).add(firstPosition).unsqueeze(0) };
  const y = runStored(x, stack, width, {
    io: { ...io, ...positions },
    ...(isDecoder(c) && { memory: memoryOf(c) }),
  });
  return { outputs: { "out.y": y } };
}

const fairseqMaps = (c: GoldenCase, module: string): StoredAttention =>
  fourMaps(c, module, ["q_proj", "k_proj", "v_proj", "out_proj"]);

function fairseqLayer(c: GoldenCase, prefix: string, { placement, activation }: Source): StoredLayer {
  const settings = settingsOf(c);
  const decodes = isDecoder(c);
  const heads = settings[decodes ? "decoder_attention_heads" : "encoder_attention_heads"] as number;
  const [up, down] = [linearOf(c, `${prefix}fc1`), linearOf(c, `${prefix}fc2`)];
  return {
    mixer: { options: { heads, causal: decodes }, maps: fairseqMaps(c, `${prefix}self_attn`) },
    ...(decodes && { cross: { options: { heads }, maps: fairseqMaps(c, `${prefix}encoder_attn`) } }),
    channel: {
      ...{ up, down },
      activation: activationOf((settings.activation_function as string | undefined) ?? activation),
    },
    norm: {
      kind: "layer",
      epsilon: 1e-5,
      names: {
        mixer: `${prefix}self_attn_layer_norm`,
        ...(decodes && { cross: `${prefix}encoder_attn_layer_norm` }),
        channel: `${prefix}final_layer_norm`,
      },
    },
    placement,
  };
}

function fairseq(c: GoldenCase, source: Source) {
  const width = settingsOf(c).d_model as number;
  const depth = depthOf(c, "layers");
  const prefixes = depth === 0 ? [""] : Array.from({ length: depth }, (_, i) => `layers.${i}.`);
  const last = source.last && { name: source.last, kind: "layer" as const, epsilon: 1e-5 };
  const stack = stackOf(
    c,
    prefixes.map((prefix) => fairseqLayer(c, prefix, source)),
    last || undefined,
  );
  const below = source.below?.(c);
  const whole = below && {
    spec: { ...stack.spec, embedding: { kind: "features", size: width, bias: false, ...below.embedding } },
    parameters: { ...stack.parameters, ...below.parameters },
  };
  return run(c, whole ?? stack, { width, firstPosition: source.firstPosition ?? 0 });
}

/** The table's first two rows belong to no position. */
function bartBelow(c: GoldenCase) {
  const table = c.tensor("param.embed_positions.weight");
  const rows = table.dim(0);
  const norm = normAt(c, "layernorm_embedding", { kind: "layer", epsilon: 1e-5 });
  return {
    embedding: { positions: { kind: "learned", max: rows - 2 }, norm: norm.spec },
    parameters: {
      "positions.table": table.slice(0, 2, rows),
      "embeddingNorm.gain": norm.parameters.gain,
      "embeddingNorm.bias": norm.parameters.bias,
    },
  };
}

const sinusoids = (base: number) => () => ({
  embedding: { positions: { kind: "sinusoidal", layout: "halves", base } },
  parameters: {},
});

const bart: Source = { placement: "post", activation: "gelu" };
const pegasus: Source = { placement: "pre", activation: "gelu" };

/** Wavelengths reach 10,000 at the last pair, where ours would one pair later. */
function m2m100(c: GoldenCase) {
  const pairs = (settingsOf(c).d_model as number) / 2;
  const below = sinusoids(10_000 ** (pairs / (pairs - 1)));
  return fairseq(c, { placement: "pre", activation: "relu", last: "layer_norm", below, firstPosition: 1 });
}

/** Distances to buckets; layers after the first read the first one's table. */
function t5Bias({ relative_attention_num_buckets, relative_attention_max_distance }: HfSettings, causal: boolean) {
  const sizes = { buckets: relative_attention_num_buckets, maxDistance: relative_attention_max_distance };
  return { kind: "t5-bias", ...sizes, sides: causal ? "past" : "both" };
}

const selfModule = (c: GoldenCase): string =>
  settingsOf(c).encoder_attention_type === "local" ? "LocalSelfAttention" : "SelfAttention";

function t5Layer(c: GoldenCase, prefix: string, table: Tensor): StoredLayer {
  const settings = settingsOf(c);
  const causal = isDecoder(c);
  const options = { heads: settings.num_heads as number, headSize: settings.d_kv, scale: "none" };
  const last = `${prefix}layer.${causal ? 2 : 1}`;
  const net = (name: string) => linearOf(c, `${last}.DenseReluDense.${name}`);
  const gated = c.has(`param.${last}.DenseReluDense.wi_0.weight`);
  const maps = (module: string) => fourMaps(c, `${prefix}${module}`, ["q", "k", "v", "o"]);
  const window = settings.local_radius === undefined ? {} : { window: (settings.local_radius as number) + 1 };
  return {
    mixer: {
      options: { ...options, ...window, causal, positions: t5Bias(settings, causal) },
      maps: { ...maps(`layer.0.${selfModule(c)}`), others: { "positions.table": table } },
    },
    ...(causal && { cross: { options, maps: maps("layer.1.EncDecAttention") } }),
    channel: gated
      ? { gate: net("wi_0"), up: net("wi_1"), down: net("wo"), activation: "gelu-tanh" }
      : { up: net("wi"), down: net("wo"), activation: "relu" },
    norm: {
      kind: "rms",
      epsilon: 1e-6,
      names: {
        mixer: `${prefix}layer.0.layer_norm`,
        ...(causal && { cross: `${prefix}layer.1.layer_norm` }),
        channel: `${last}.layer_norm`,
      },
    },
    placement: "pre",
  };
}

function t5(c: GoldenCase) {
  const depth = depthOf(c, "block");
  const prefixes = depth === 0 ? [""] : Array.from({ length: depth }, (_, i) => `block.${i}.`);
  const table = c.tensor(`param.${prefixes[0]}layer.0.${selfModule(c)}.relative_attention_bias.weight`);
  const last = { name: "final_layer_norm", kind: "rms", epsilon: 1e-6 } as const;
  const layers = prefixes.map((prefix) => t5Layer(c, prefix, table));
  return run(c, stackOf(c, layers, depth === 0 ? undefined : last), { width: settingsOf(c).d_model as number });
}

/** One layer, gone through as often as the settings say, above a map from narrow embeddings. */
function albert(c: GoldenCase) {
  const { num_hidden_layers, num_attention_heads: heads, hidden_size, embedding_size } = settingsOf(c);
  const prefix = "albert_layer_groups.0.albert_layers.0.";
  const maps = fourMaps(c, `${prefix}attention`, ["query", "key", "value", "dense"]);
  const { spec, parameters } = stackOf(c, [
    {
      mixer: { options: { heads, causal: false }, maps },
      channel: {
        up: linearOf(c, `${prefix}ffn`),
        down: linearOf(c, `${prefix}ffn_output`),
        activation: activationOf("gelu_new"),
      },
      norm: {
        kind: "layer",
        epsilon: 1e-12,
        names: { mixer: `${prefix}attention.LayerNorm`, channel: `${prefix}full_layer_layer_norm` },
      },
      placement: "post",
    },
  ]);
  const into = linearOf(c, "embedding_hidden_mapping_in");
  const shared = {
    ...spec,
    embedding: { kind: "features", size: embedding_size },
    layers: [{ ...spec.layers[0], repeat: num_hidden_layers, share: true }],
  };
  const mapped = { "embedding.project": into.weight.transpose([1, 0]), "embedding.bias": into.bias };
  return run(c, { spec: shared, parameters: { ...parameters, ...mapped } }, { width: hidden_size as number });
}

/** A LongT5 layer whose tokens see summaries of blocks. */
function longT5Global(c: GoldenCase): GoldenGraph {
  const settings = settingsOf(c);
  const [attention, net] = ["layer.0.TransientGlobalSelfAttention", "layer.1.DenseReluDense"];
  const map = (name: string) => linearOf(c, `${attention}.${name}`).weight;
  const config = transientGlobal.config.parse({
    heads: settings.num_heads,
    headSize: settings.d_kv,
    radius: settings.local_radius,
    block: settings.global_block_size,
    buckets: settings.relative_attention_num_buckets,
    maxDistance: settings.relative_attention_max_distance,
  });
  const p = {
    q: map("q").transpose([1, 0]),
    kv: concat(0, [map("k"), map("v")]).transpose([1, 0]),
    out: map("o").transpose([1, 0]),
    summaryNorm: map("global_input_layer_norm"),
    nearBias: map("relative_attention_bias"),
    farBias: map("global_relative_attention_bias"),
  };
  const weights = Object.fromEntries(Object.entries(p).map(([name, t]) => [name, storedWeight(t)])) as never;
  const x = c.tensor("in.x");
  const at = { c: config, d: transientGlobal.dims(config, x.dim(2)), p: weights, s: {}, b: {}, io: storedIo() };
  const norm = (name: string) => normOf(c, name, { kind: "rms", epsilon: 1e-6 });
  const a = x.add(transientGlobal.forward(norm("layer.0.layer_norm")(x), at).y);
  const channel = plainChannel({ up: linearOf(c, `${net}.wi`), down: linearOf(c, `${net}.wo`) }, "relu");
  return { outputs: { "out.y": a.add(channel(norm("layer.1.layer_norm")(a))) } };
}

const builds: Readonly<Record<string, (c: GoldenCase) => GoldenGraph | `absent: ${string}`>> = {
  "bart-encoder": (c) => fairseq(c, { ...bart, below: bartBelow }),
  "bart-encoder-layer": (c) => fairseq(c, bart),
  "bart-decoder-layer": (c) => fairseq(c, bart),
  "marian-encoder": (c) => fairseq(c, { ...bart, below: sinusoids(10_000) }),
  "marian-decoder-layer": (c) => fairseq(c, bart),
  "pegasus-encoder-layer": (c) => fairseq(c, pegasus),
  "pegasus-decoder-layer": (c) => fairseq(c, pegasus),
  "m2m100-encoder": m2m100,
  "t5-encoder": t5,
  "t5-decoder-layer": t5,
  "longt5-encoder-layer": (c) => (settingsOf(c).encoder_attention_type === "local" ? t5(c) : longT5Global(c)),
  "albert-encoder": albert,
};

export const adapters: readonly GoldenAdapter[] = Object.entries(builds).map(([component, build]) => ({
  kind: "blocks",
  component,
  build,
}));
