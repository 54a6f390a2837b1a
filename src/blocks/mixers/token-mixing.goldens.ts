/** Blocks whose tokens are mixed without attention: MLP-Mixer, ResMLP, gMLP, PoolFormer, FNet, with the source's wiring. */
import { gelu, layerNorm, type Tensor } from "../../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { weightsFrom } from "../../testing/part.ts";
import { mlp } from "../channels/mlp.ts";
import type { Mixer } from "../define.ts";
import type { Weight } from "../weights/use.ts";
import { fnet } from "./fnet.ts";
import { gmlp, spatialGate } from "./gmlp.ts";
import { columnsOf, weightOf } from "./mamba-2.goldens.ts";
import { pooling } from "./pooling.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";
import { tokenLinear } from "./token-linear.ts";
import { tokenMlp } from "./token-mlp.ts";

interface Mixing {
  mixer: unknown;
  config?: Readonly<Record<string, unknown>>;
  p?: Readonly<Record<string, Weight>>;
  grid?: readonly [number, number];
}

function mix(x: Tensor, { mixer, config = {}, p = {}, grid }: Mixing): Tensor {
  const component = mixer as Mixer;
  const c = component.config.parse(config);
  const at = { c, d: component.dims(c, x.dim(2)), p, s: {}, b: {}, io: goldenIo(grid ? { grid } : {}) };
  return component.forward(x, at).y;
}

const linear = (c: GoldenCase, x: Tensor, name: string): Tensor => {
  const product = x.matmul(c.tensor(`param.${name}.weight`), { transB: true });
  const bias = c.maybe(`param.${name}.bias`);
  return bias ? product.add(bias) : product;
};
const channels = (c: GoldenCase, x: Tensor, name: string, approximate: "none" | "tanh" = "none"): Tensor =>
  linear(c, gelu(linear(c, x, `${name}.fc1`), approximate), `${name}.fc2`);
const norm = (c: GoldenCase, x: Tensor, name: string, epsilon: number): Tensor =>
  layerNorm(x, c.tensor(`param.${name}.weight`), c.tensor(`param.${name}.bias`), epsilon);

function mixerBlock(c: GoldenCase): GoldenGraph {
  const at = (name: string) => c.tensor(`param.mlp_tokens.${name}`);
  const p = {
    up: columnsOf(at("fc1.weight")),
    upBias: weightOf(at("fc1.bias")),
    down: columnsOf(at("fc2.weight")),
    downBias: weightOf(at("fc2.bias")),
  };
  const x = c.tensor("in.x");
  const config = { maxTokens: x.dim(1), hidden: at("fc1.bias").size };
  const tokens = x.add(mix(norm(c, x, "norm1", 1e-6), { mixer: tokenMlp, config, p }));
  return { outputs: { "out.y": tokens.add(channels(c, norm(c, tokens, "norm2", 1e-6), "mlp_channels")) } };
}

function resmlpBlock(c: GoldenCase): GoldenGraph {
  const affine = (x: Tensor, name: string) =>
    x.mul(c.tensor(`param.${name}.alpha`)).add(c.tensor(`param.${name}.beta`));
  const p = {
    mix: columnsOf(c.tensor("param.linear_tokens.weight")),
    bias: weightOf(c.tensor("param.linear_tokens.bias")),
  };
  const x = c.tensor("in.x");
  const mixed = mix(affine(x, "norm1"), { mixer: tokenLinear, config: { maxTokens: x.dim(1) }, p });
  const tokens = x.add(mixed.mul(c.tensor("param.ls1")));
  const y = tokens.add(channels(c, affine(tokens, "norm2"), "mlp_channels").mul(c.tensor("param.ls2")));
  return { outputs: { "out.y": y } };
}

interface GateNames {
  weight: string;
  bias: string;
  norm: string;
}

/** Weights of the spatial gate: a head axis in front where the source has none. */
function gateWeights(c: GoldenCase, names: GateNames) {
  const at = (name: string) => c.tensor(`param.${name}`);
  const headed = (t: Tensor, rank: number) => (t.rank < rank ? t.unsqueeze(0) : t);
  const toeplitz = c.maybe("param.circulant_pos_x");
  return {
    mix: weightOf(toeplitz ? at(names.weight) : headed(at(names.weight), 3)),
    mixBias: weightOf(headed(at(names.bias), 2)),
    norm: weightOf(at(`${names.norm}.weight`)),
    normBias: weightOf(at(`${names.norm}.bias`)),
    ...(toeplitz && { to: weightOf(toeplitz), from: weightOf(at("circulant_pos_y")) }),
  };
}

const argumentsOf = (c: GoldenCase) => c.config.args as Readonly<Record<string, number | boolean | undefined>>;

function gmlpGating(c: GoldenCase): GoldenGraph {
  const { dim, dim_seq, causal, heads, circulant_matrix } = argumentsOf(c);
  const config = gmlp.config.parse({
    hidden: dim,
    maxTokens: dim_seq,
    causal: causal === true,
    heads: heads ?? 1,
    weights: circulant_matrix === true ? "toeplitz" : "full",
  });
  const x = c.tensor("in.x");
  const p = gateWeights(c, { weight: "weight", bias: "bias", norm: "norm" });
  const d = gmlp.dims(config, x.dim(2));
  return { outputs: { "out.y": spatialGate(x, { c: config, d, p: p as never, io: goldenIo() }) } };
}

function gmlpBlock(c: GoldenCase): GoldenGraph {
  const { dim_ff, seq_len, causal, attn_dim } = argumentsOf(c);
  const p = {
    in: columnsOf(c.tensor("param.proj_in.0.weight")),
    inBias: weightOf(c.tensor("param.proj_in.0.bias")),
    ...gateWeights(c, { weight: "sgu.weight", bias: "sgu.bias", norm: "sgu.norm" }),
    qkv: columnsOf(c.tensor("param.attn.to_qkv.weight")),
    attentionOut: columnsOf(c.tensor("param.attn.to_out.weight")),
    attentionBias: weightOf(c.tensor("param.attn.to_out.bias")),
    out: columnsOf(c.tensor("param.proj_out.weight")),
    outBias: weightOf(c.tensor("param.proj_out.bias")),
  };
  const config = { hidden: dim_ff, maxTokens: seq_len, causal: causal === true, attention: attn_dim };
  return { outputs: { "out.y": mix(c.tensor("in.x"), { mixer: gmlp, config, p }) } };
}

function gmlpImageBlock(c: GoldenCase): GoldenGraph {
  const at = (name: string) => c.tensor(`param.mlp_channels.${name}`);
  const names = { weight: "gate.proj.weight", bias: "gate.proj.bias", norm: "gate.norm" };
  const prefixed = Object.fromEntries(
    Object.entries(names).map(([key, name]) => [key, `mlp_channels.${name}`]),
  ) as unknown as GateNames;
  const p = {
    in: columnsOf(at("fc1.weight")),
    inBias: weightOf(at("fc1.bias")),
    ...gateWeights(c, prefixed),
    out: columnsOf(at("fc2.weight")),
    outBias: weightOf(at("fc2.bias")),
  };
  const x = c.tensor("in.x");
  const config = { hidden: at("fc1.bias").size, maxTokens: x.dim(1) };
  return { outputs: { "out.y": x.add(mix(norm(c, x, "norm", 1e-6), { mixer: gmlp, config, p })) } };
}

/** Norms of an image's tokens [B, H·W, C]: over the whole image with a gain and bias a channel, or of each token. */
function imageNorm(c: GoldenCase, x: Tensor, name: string): Tensor {
  if (c.config.group === undefined && !c.has("param.layer_scale1.scale")) return norm(c, x, name, 1e-6);
  const centred = x.sub(x.mean([1, 2], true));
  const scaled = centred.div(centred.square().mean([1, 2], true).add(1e-5).sqrt());
  return scaled.mul(c.tensor(`param.${name}.weight`)).add(c.tensor(`param.${name}.bias`));
}

/** Convolutions of one pixel, with exact GELU or StarReLU between. */
function pixelNet(c: GoldenCase, x: Tensor): Tensor {
  const up = c
    .tensor("param.mlp.fc1.weight")
    .reshape([-1, x.dim(2)])
    .transpose([1, 0]);
  const down = c
    .tensor("param.mlp.fc2.weight")
    .reshape([x.dim(2), -1])
    .transpose([1, 0]);
  const star = c.has("param.mlp.act.scale");
  const p = weightsFrom({
    up,
    down,
    upBias: c.maybe("param.mlp.fc1.bias"),
    downBias: c.maybe("param.mlp.fc2.bias"),
    activationScale: c.maybe("param.mlp.act.scale"),
    activationShift: c.maybe("param.mlp.act.bias"),
  });
  const config = mlp.config.parse({ activation: star ? "star-relu" : "gelu", hidden: up.dim(1) });
  const d = { D: x.dim(2), F: up.dim(1) };
  return mlp.forward(x, { c: config, d, p: p as never, b: {}, io: goldenIo() }).y;
}

/** x [B, C, H, W]. */
function poolformerBlock(c: GoldenCase): GoldenGraph {
  const image = c.tensor("in.x");
  const [B, C, H, W] = image.shape as [number, number, number, number];
  const scaled = (x: Tensor, name: string) => {
    const scale = c.maybe(`param.${name}.scale`);
    return scale ? x.mul(scale) : x;
  };
  const x = image.reshape([B, C, H * W]).transpose([0, 2, 1]);
  const pooled = mix(imageNorm(c, x, "norm1"), { mixer: pooling, grid: [H, W] });
  const first = scaled(x, "res_scale1").add(scaled(pooled, "layer_scale1"));
  const y = scaled(first, "res_scale2").add(scaled(pixelNet(c, imageNorm(c, first, "norm2")), "layer_scale2"));
  return { outputs: { "out.y": y.transpose([0, 2, 1]).reshape(image.shape) } };
}

function fnetLayer(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const mixed = norm(c, x.add(mix(x, { mixer: fnet })), "fourier.output.LayerNorm", 1e-12);
  const hidden = gelu(linear(c, mixed, "intermediate.dense"), "tanh");
  return { outputs: { "out.y": norm(c, mixed.add(linear(c, hidden, "output.dense")), "output.LayerNorm", 1e-12) } };
}

const builders: Readonly<Record<string, (c: GoldenCase) => GoldenGraph>> = {
  "mixer-block": mixerBlock,
  "resmlp-block": resmlpBlock,
  "gmlp-gating": gmlpGating,
  "gmlp-block": gmlpBlock,
  "gmlp-image-block": gmlpImageBlock,
  "poolformer-block": poolformerBlock,
  "vision-mixer-block": mixerBlock,
  "vision-resmlp-block": resmlpBlock,
  "vision-gmlp-block": gmlpImageBlock,
  "vision-poolformer-block": poolformerBlock,
  "fnet-layer": fnetLayer,
};

export const adapters: readonly GoldenAdapter[] = Object.entries(builders).map(([component, build]) => ({
  kind: "blocks",
  component,
  build,
}));
