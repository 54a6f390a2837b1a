/** Whole blocks around our dense channel mixers: MLP-Mixer, MatFormer, EVA-02, Apertus. */
import { mlp } from "../../blocks/channels/mlp.ts";
import { swiglu } from "../../blocks/channels/swiglu.ts";
import { tokenMlp } from "../../blocks/mixers/token-mlp.ts";
import { concat, layerNorm, type Tensor, zeros } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf, type StoredLinear, storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { maskOf, reachOf, ropeOf, ropeTables, settingsOf } from "./hf-attention.fixture.ts";
import { fourMaps } from "./layer-families-decoder.fixture.ts";
import { thirds } from "./layer-families-other.fixture.ts";
import { linearOf, normOf, plainChannel, type Sublayer, storedNorm } from "./layer-parts.fixture.ts";

const columns = (w: Tensor) => w.transpose([1, 0]);

const linear = (x: Tensor, { weight, bias }: StoredLinear): Tensor => {
  const product = x.matmul(weight, { transB: true });
  return bias ? product.add(bias) : product;
};

const weights = (tensors: Readonly<Record<string, Tensor | undefined>>) =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) => (tensor ? [[name, storedWeight(tensor)]] : [])),
  ) as never;

/** The MLP along time of MLP-Mixer; its maps are convolutions of width 1. */
function tokenNet(c: GoldenCase, name: string): Sublayer {
  const [up, down] = ["fn.0", "fn.3"].map((part) => ({
    weight: c.tensor(`param.${name}.${part}.weight`).squeeze(2),
    bias: c.tensor(`param.${name}.${part}.bias`),
  })) as [Required<StoredLinear>, Required<StoredLinear>];
  const [F, L] = up.weight.shape as [number, number];
  const config = tokenMlp.config.parse({ maxTokens: L, hidden: F });
  const p = weights({ up: columns(up.weight), upBias: up.bias, down: columns(down.weight), downBias: down.bias });
  return (x) =>
    tokenMlp.forward(x, { c: config, d: tokenMlp.dims(config, x.dim(2)), p, s: {}, b: {}, io: storedIo() }).y;
}

function mlpMixer(c: GoldenCase): GoldenGraph {
  const args = c.config.args as Readonly<Record<"patch_size" | "depth", number>>;
  const image = c.tensor("in.x");
  const [B, C, H, W] = image.shape as [number, number, number, number];
  const size = args.patch_size;
  const [rows, places] = [H / size, W / size];
  const patches = image.reshape([B, C, rows, size, places, size]).transpose([0, 2, 4, 3, 5, 1]);
  const norm = (name: string) =>
    storedNorm(
      { gain: c.tensor(`param.${name}.weight`), bias: c.tensor(`param.${name}.bias`) },
      { kind: "layer", epsilon: 1e-5 },
    );
  let x = linear(patches.reshape([B, rows * places, size * size * C]), linearOf(c, "1"));
  for (let block = 2; block < 2 + args.depth; block++) {
    x = x.add(tokenNet(c, `${block}.0`)(norm(`${block}.0.norm`)(x)));
    const net = { up: linearOf(c, `${block}.1.fn.0`), down: linearOf(c, `${block}.1.fn.3`) };
    x = x.add(plainChannel(net, "gelu")(norm(`${block}.1.norm`)(x)));
  }
  const last = args.depth + 2;
  return { outputs: { "out.y": linear(norm(`${last}`)(x).mean(1), linearOf(c, `${last + 2}`)) } };
}

/** The block at each width: the first hidden units of one net. */
function matformer(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const norm = (name: string, t: Tensor) =>
    layerNorm(t, c.tensor(`param.${name}.weight`), c.tensor(`param.${name}.bias`));
  const maps = thirds(linearOf(c, "att_proj"), linearOf(c, "attn_out"));
  const options = { heads: c.number("H"), positions: { kind: "rope", layout: "halves" } };
  const attended = x.add(attentionOf(norm("attn_norm", x), maps, { options }).y);
  const [up, down] = [linearOf(c, "ff_proj"), linearOf(c, "ff_out")];
  const hidden = up.weight.dim(0);
  const p = weights({ up: columns(up.weight), upBias: up.bias, down: columns(down.weight), downBias: down.bias });
  const at = { d: { D: x.dim(2), F: hidden }, p, b: {}, io: storedIo() };
  const outputs = c.list("factors").map((factor): [string, Tensor] => {
    const config = mlp.config.parse({ activation: "gelu", hidden, used: 1 / factor });
    return [`out.y${factor}`, attended.add(mlp.forward(norm("ff_norm", attended), { ...at, c: config }).y)];
  });
  return { outputs: Object.fromEntries(outputs) };
}

function eva(c: GoldenCase): GoldenGraph {
  const joined = c.tensor("param.attn.qkv.weight");
  const bias = concat(0, [c.tensor("param.attn.q_bias"), zeros([joined.dim(1)]), c.tensor("param.attn.v_bias")]);
  const maps = thirds({ weight: joined, bias }, linearOf(c, "attn.proj"));
  const { num_heads: heads } = c.config.args as { num_heads: number };
  const norm = (name: string) => normOf(c, name, { kind: "layer", epsilon: 1e-6 });
  const x = c.tensor("in.x");
  const attended = attentionOf(norm("norm1")(x), maps, { options: { heads, causal: false } }).y;
  const first = x.add(attended.mul(c.tensor("param.gamma_1")));
  const [gate, up, down] = ["fc1_g", "fc1_x", "fc2"].map((name) => linearOf(c, `mlp.${name}`)) as [
    StoredLinear,
    StoredLinear,
    StoredLinear,
  ];
  const p = weights({
    gate: columns(gate.weight),
    gateBias: gate.bias,
    up: columns(up.weight),
    upBias: up.bias,
    down: columns(down.weight),
    downBias: down.bias,
    hiddenGain: c.tensor("param.mlp.norm.weight"),
    hiddenBias: c.tensor("param.mlp.norm.bias"),
  });
  const config = swiglu.config.parse({ hidden: up.weight.dim(0), bias: true, hiddenNorm: true, hiddenEpsilon: 1e-6 });
  const d = { D: x.dim(2), F: up.weight.dim(0) };
  const { y } = swiglu.forward(norm("norm2")(first), { c: config, d, p, b: {}, io: storedIo() });
  return { outputs: { "out.y": first.add(y.mul(c.tensor("param.gamma_2"))) } };
}

const apertusRope = {
  rope_type: "llama3",
  rope_theta: 12e6,
  factor: 8,
  original_max_position_embeddings: 8192,
  low_freq_factor: 1,
  high_freq_factor: 4,
};

function apertus(c: GoldenCase): GoldenGraph | Absent {
  const settings = settingsOf(c);
  const rotation = ropeOf({ rope_parameters: apertusRope, ...settings });
  if (typeof rotation === "string") return rotation;
  const io = maskOf(c);
  if (typeof io === "string") return io;
  const { num_attention_heads: heads, num_key_value_heads: kvHeads } = settings;
  const gain = (name: string) => c.tensor(`param.self_attn.${name}.weight`);
  const maps = {
    ...fourMaps(c, "self_attn", ["q_proj", "k_proj", "v_proj", "o_proj"]),
    others: { queryGain: gain("q_norm"), keyGain: gain("k_norm") },
  };
  const options = { ...reachOf(c), heads, kvHeads, positions: rotation, qkNorm: "rms", normEpsilon: 1e-5 };
  const norm = (name: string) => normOf(c, name, { kind: "rms", epsilon: 1e-5 });
  const x = c.tensor("in.x");
  const first = x.add(attentionOf(norm("attention_layernorm")(x), maps, { options, io }).y);
  const up = c.tensor("param.mlp.up_proj.weight");
  const p = weights({
    up: columns(up),
    down: columns(c.tensor("param.mlp.down_proj.weight")),
    activationPositive: c.tensor("param.mlp.act_fn.alpha_p"),
    activationNegative: c.tensor("param.mlp.act_fn.alpha_n"),
  });
  const config = mlp.config.parse({ activation: "xielu", hidden: up.dim(0), bias: false });
  const d = { D: x.dim(2), F: up.dim(0) };
  const { y } = mlp.forward(norm("feedforward_layernorm")(first), { c: config, d, p, b: {}, io: storedIo() });
  return { outputs: { "out.y": first.add(y), ...ropeTables(c, rotation, { headSize: x.dim(2) / heads }) } };
}

const builders: Readonly<Record<string, (c: GoldenCase) => GoldenGraph | Absent>> = {
  "mlp-mixer": mlpMixer,
  "matformer-block": matformer,
  "eva-block": eva,
  "apertus-layer": apertus,
};

export const adapters: readonly GoldenAdapter[] = Object.entries(builders).map(([component, build]) => ({
  kind: "blocks",
  component,
  build,
}));
