/** timm's ViT, DeiT and CaiT, CaiT's block, and CLIP: image and text encoders as models of our specs. */
import { concat, iota, softmaxCrossEntropy, type Tensor, where } from "../../tensor/index.ts";
import { classBlockOf } from "./class-attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "./index.ts";
import { fourMaps } from "./layer-families-decoder.fixture.ts";
import { thirds } from "./layer-families-other.fixture.ts";
import { linearOf, normOf } from "./layer-parts.fixture.ts";
import { normAt, type Parameters, runStored, type StoredLayer, stackOf } from "./model-of.fixture.ts";

/** Images [B, C, H, W] as patches row by row: [B, T, C·size²]. */
function patchesOf(x: Tensor, size: number): Tensor {
  const [B, C, H, W] = x.shape as [number, number, number, number];
  const [rows, places] = [H / size, W / size];
  return x
    .reshape([B, C, rows, size, places, size])
    .transpose([0, 2, 4, 1, 3, 5])
    .reshape([B, rows * places, C * size * size]);
}

/** A convolution whose stride is its kernel, as the map of a patch: an embedding of our specs and its parameters. */
function patchEmbedding(c: GoldenCase, name: string, classToken?: string) {
  const kernel = c.tensor(`param.${name}.weight`);
  const D = kernel.dim(0);
  const flat = kernel.reshape([D, -1]);
  const bias = c.maybe(`param.${name}.bias`);
  return {
    size: kernel.dim(2),
    spec: { kind: "features", size: flat.dim(1), bias: bias !== undefined, classToken: classToken !== undefined },
    parameters: {
      "embedding.project": flat.transpose([1, 0]),
      "embedding.bias": bias,
      ...(classToken && { "embedding.classToken": c.tensor(`param.${classToken}`).reshape([D]) }),
    },
  };
}

const positionTable = (table: Tensor) => ({
  spec: { kind: "learned", max: table.dim(0) },
  parameters: { "positions.table": table },
});

interface TimmArgs {
  depth: number;
  num_heads: number;
}
const argsOf = (c: GoldenCase) => c.config.kwargs as unknown as TimmArgs;

/** Linear maps from heads to heads; ours before the softmax is added to the scores that it mixes. */
function talking(c: GoldenCase, prefix: string): { options: Readonly<Record<string, unknown>>; others: Parameters } {
  if (!c.has(`param.${prefix}proj_l.weight`)) return { options: {}, others: {} };
  const mixture = (name: string) => c.tensor(`param.${prefix}${name}.weight`).transpose([1, 0]);
  const H = mixture("proj_l").dim(0);
  return {
    options: { talkingHeads: "both", talkingBias: true },
    others: {
      talkBefore: mixture("proj_l").sub(where(iota(H).unsqueeze(1).equal(iota(H)), 1, 0)),
      talkBeforeBias: c.tensor(`param.${prefix}proj_l.bias`),
      talkAfter: mixture("proj_w"),
      talkAfterBias: c.tensor(`param.${prefix}proj_w.bias`),
    },
  };
}

/** A block of timm's ViT or CaiT. */
function timmLayer(c: GoldenCase, prefix: string, { heads, epsilon }: { heads: number; epsilon: number }): StoredLayer {
  const { options, others } = talking(c, `${prefix}attn.`);
  const scale = (i: 1 | 2) => c.tensor(`param.${prefix}gamma_${i}`);
  return {
    mixer: {
      options: { heads, causal: false, ...options },
      maps: { ...thirds(linearOf(c, `${prefix}attn.qkv`), linearOf(c, `${prefix}attn.proj`)), others },
    },
    channel: { up: linearOf(c, `${prefix}mlp.fc1`), down: linearOf(c, `${prefix}mlp.fc2`), activation: "gelu" },
    norm: { kind: "layer", epsilon, names: { mixer: `${prefix}norm1`, channel: `${prefix}norm2` } },
    placement: "pre",
    ...(c.has(`param.${prefix}gamma_1`) && { scales: { mixer: scale(1), channel: scale(2) } }),
  };
}

const timmStack = (c: GoldenCase, last: boolean) => {
  const { depth, num_heads: heads } = argsOf(c);
  const layers = Array.from({ length: depth }, (_, i) => timmLayer(c, `blocks.${i}.`, { heads, epsilon: 1e-6 }));
  return stackOf(c, layers, last ? { name: "norm", kind: "layer", epsilon: 1e-6 } : undefined);
};

const linear = (c: GoldenCase, name: string) => (x: Tensor) => {
  const { weight, bias } = linearOf(c, name);
  const y = x.matmul(weight, { transB: true });
  return bias ? y.add(bias) : y;
};
const first = (x: Tensor, token = 0): Tensor => x.slice(1, token, token + 1).squeeze(1);

function vit(c: GoldenCase): Tensor {
  const patch = patchEmbedding(c, "patch_embed.proj", "cls_token");
  const positions = positionTable(c.tensor("param.pos_embed").squeeze(0));
  const { spec, parameters } = timmStack(c, true);
  const head = linearOf(c, "head");
  const whole = {
    spec: {
      ...spec,
      embedding: { ...patch.spec, positions: positions.spec },
      head: { kind: "classes", classes: head.weight.dim(0), pool: "first" },
    },
    parameters: {
      ...parameters,
      ...patch.parameters,
      ...positions.parameters,
      "head.out": head.weight.transpose([1, 0]),
      "head.bias": head.bias,
    },
  };
  return runStored(patchesOf(c.tensor("in.x"), patch.size), whole, head.weight.dim(1));
}

/** Patches as vectors, embedded and placed outside of the model. */
function embedded(c: GoldenCase, tokens: readonly string[]): Tensor {
  const { size, parameters } = patchEmbedding(c, "patch_embed.proj");
  const patches = patchesOf(c.tensor("in.x"), size);
  const x = patches.matmul(parameters["embedding.project"]).add(parameters["embedding.bias"]!);
  const [B, , D] = x.shape as [number, number, number];
  const before = tokens.map((name) => c.tensor(`param.${name}`).expand([B, 1, D]));
  return concat(1, [...before, x]).add(c.tensor("param.pos_embed"));
}

/** A second token in front learns from a teacher; in evaluation the answers of both are averaged. */
function deit(c: GoldenCase): Tensor {
  const x = embedded(c, ["cls_token", "dist_token"]);
  const y = runStored(x, timmStack(c, true), x.dim(2));
  return linear(
    c,
    "head",
  )(first(y))
    .add(linear(c, "head_dist")(first(y, 1)))
    .mul(0.5);
}

/** The class token comes in behind the layers, and from there on it alone changes. */
function cait(c: GoldenCase): Tensor {
  const tokens = embedded(c, []);
  const [B, , D] = tokens.shape as [number, number, number];
  const x = runStored(tokens, timmStack(c, false), D);
  let cls = c.tensor("param.cls_token").expand([B, 1, D]);
  const { num_heads: heads } = argsOf(c);
  for (let i = 0; c.has(`param.blocks_token_only.${i}.norm1.weight`); i++)
    cls = classBlockOf(c, { cls, x }, { prefix: `blocks_token_only.${i}.`, heads, epsilon: 1e-6 });
  return linear(c, "head")(first(normOf(c, "norm", { kind: "layer", epsilon: 1e-6 })(cls)));
}

const vitModels: Readonly<Record<string, (c: GoldenCase) => Tensor>> = { vit, "deit-distilled": deit, cait };

function caitBlock(c: GoldenCase): GoldenGraph {
  const given = c.config.args as { num_heads: number } | undefined;
  const layer = timmLayer(c, "", { heads: given?.num_heads ?? c.number("heads"), epsilon: 1e-5 });
  const x = c.tensor("in.x");
  return { outputs: { "out.y": runStored(x, stackOf(c, [layer]), x.dim(2)) } };
}

function clipLayer(c: GoldenCase, prefix: string, causal: boolean): StoredLayer {
  const maps = fourMaps(c, `${prefix}self_attn`, ["q_proj", "k_proj", "v_proj", "out_proj"]);
  return {
    mixer: { options: { heads: clipHeads, causal }, maps },
    channel: {
      up: linearOf(c, `${prefix}mlp.fc1`),
      down: linearOf(c, `${prefix}mlp.fc2`),
      activation: "gelu-sigmoid",
    },
    norm: {
      kind: "layer",
      epsilon: 1e-5,
      names: { mixer: `${prefix}layer_norm1`, channel: `${prefix}layer_norm2` },
    },
    placement: "pre",
  };
}
/** Of both encoders of the case, which does not say it. */
const clipHeads = 2;

function clipText(c: GoldenCase): Tensor {
  const at = "text_model.embeddings";
  const last = { name: "text_model.final_layer_norm", kind: "layer", epsilon: 1e-5 } as const;
  const { spec, parameters } = stackOf(c, [clipLayer(c, "text_model.encoder.layers.0.", true)], last);
  const positions = positionTable(c.tensor(`param.${at}.position_embedding.weight`));
  const table = c.tensor(`param.${at}.token_embedding.weight`);
  const whole = {
    spec: { ...spec, embedding: { kind: "token", positions: positions.spec } },
    parameters: { ...parameters, ...positions.parameters, "embedding.table": table },
  };
  const ids = c.tensor("in.ids");
  // The last token ends every sequence.
  return first(runStored(ids, whole, table.dim(1)), ids.dim(1) - 1);
}

function clipImage(c: GoldenCase): Tensor {
  const at = "vision_model.embeddings";
  const last = { name: "vision_model.post_layernorm", kind: "layer", epsilon: 1e-5 } as const;
  const { spec, parameters } = stackOf(c, [clipLayer(c, "vision_model.encoder.layers.0.", false)], last);
  const patch = patchEmbedding(c, `${at}.patch_embedding`, `${at}.class_embedding`);
  const positions = positionTable(c.tensor(`param.${at}.position_embedding.weight`));
  const norm = normAt(c, "vision_model.pre_layrnorm", { kind: "layer", epsilon: 1e-5 });
  const whole = {
    spec: { ...spec, embedding: { ...patch.spec, positions: positions.spec, norm: norm.spec } },
    parameters: {
      ...parameters,
      ...patch.parameters,
      ...positions.parameters,
      "embeddingNorm.gain": norm.parameters.gain,
      "embeddingNorm.bias": norm.parameters.bias,
    },
  };
  return first(runStored(patchesOf(c.tensor("in.x"), patch.size), whole, c.number("dim")));
}

/** Each image belongs to the text of its row, and each text to its image. */
function clip(c: GoldenCase): GoldenGraph {
  const unit = (x: Tensor) => x.div(x.square().sum(-1, true).sqrt());
  const image = unit(linear(c, "visual_projection")(clipImage(c)));
  const text = unit(linear(c, "text_projection")(clipText(c)));
  const logits = image.matmul(text, { transB: true }).mul(c.tensor("param.logit_scale").exp());
  const own = iota(logits.dim(0));
  const loss = softmaxCrossEntropy(logits, own)
    .mean(0)
    .add(softmaxCrossEntropy(logits.transpose([1, 0]), own).mean(0));
  return {
    outputs: { "out.image": image, "out.text": text, "out.logits": logits, "out.loss": loss.mul(0.5) },
    // An offset of all keys changes no weight; transformers takes this softmax in float32.
    cancels: ["text", "vision"].map((side) => `grad.param.${side}_model.encoder.layers.0.self_attn.k_proj.bias`),
  };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "vit-model", build: (c) => ({ outputs: { "out.y": vitModels[c.name]!(c) } }) },
  { kind: "blocks", component: "cait-block", build: caitBlock },
  { kind: "blocks", component: "vision-cait-block", build: caitBlock },
  { kind: "blocks", component: "clip", build: clip },
];
