/** Blocks and options that people know by name, each as a spec that builds: what a user looks for is found. */
import { describe, expect, test } from "vitest";
import { buildSpec, canonicalSpec } from "./index.ts";

type Options = Readonly<Record<string, unknown>>;
const gru = { kind: "gru" };
const attention = (options: Options = {}) => ({ kind: "attention", heads: 2, ...options });
const encoder = { kind: "masked-diffusion" };

const build = (spec: Options) => buildSpec(canonicalSpec({ name: "named", width: 16, ...spec }), { tokens: 11 });
/** One layer. */
const layer = (part: Options, spec: Options = {}) => ({ layers: [{ mixer: gru, ...part }], ...spec });
const mixer = (options: Options, spec: Options = {}) => layer({ mixer: options }, spec);
const channel = (options: Options, spec: Options = {}) => layer({ channel: options }, spec);
const rope = (options: Options) => mixer(attention({ positions: { kind: "rope", ...options } }));
const scaling = (options: Options) => rope({ scaling: options });
const positions = (kind: string) => mixer(attention({ positions: { kind } }));
const embedded = (kind: string) => mixer(attention(), { embedding: { kind: "token", positions: { kind } } });
const moe = (options: Options) => channel({ kind: "moe", experts: 4, ...options });
const seeingAll = (part: Options) =>
  layer({ mixer: attention({ causal: false }), channel: part }, { objective: encoder });
const placed = (placement: string) => layer({ channel: { kind: "mlp" }, placement });
const joined = (residual: string) => layer({ channel: { kind: "mlp" }, residual: { kind: residual } });

const stacks = {
  "decoder only": mixer(gru),
  "encoder only": mixer(attention({ causal: false }), { objective: { kind: "masked-lm" } }),
  "encoder–decoder": {
    encoder: { layers: [{ mixer: attention({ causal: false }) }] },
    layers: [{ mixer: attention(), cross: { kind: "cross-attention", heads: 2 } }],
    objective: { kind: "sequence-to-sequence" },
  },
  looped: mixer(attention(), { loop: { times: 3 } }),
  "layers with repeat": { layers: [{ mixer: gru, repeat: 3 }] },
  "pattern m*7 a": {
    layers: { pattern: "m*7 a", parts: { m: { mixer: { kind: "mamba" } }, a: { mixer: attention() } } },
  },
  "weights shared over layers": { layers: [{ mixer: gru, repeat: 3, share: true }] },
  "tied head": mixer(gru, { head: { kind: "lm", tied: true } }),
  "untied head": mixer(gru, { head: { kind: "lm", tied: false } }),
  "placement pre": placed("pre"),
  "placement post": placed("post"),
  "placement peri": placed("peri"),
  "placement sandwich": placed("sandwich"),
  "placement none": placed("none"),
  "residual add": joined("add"),
  "residual scaled": joined("scaled"),
  "residual LayerScale": joined("layerscale"),
  "residual gated": joined("highway"),
  "residual none": joined("none"),
  "attention ∥ FFN": layer({ mixer: attention(), channel: { kind: "mlp" }, wiring: "parallel" }),
  macaron: layer({
    mixer: attention(),
    channel: { kind: "mlp" },
    order: ["first", "mixer", "channel"],
    sublayers: { first: { channel: { kind: "mlp" }, residual: { kind: "scaled", scale: 0.5 } } },
  }),
  reversible: layer({ channel: { kind: "mlp" } }, { streams: { kind: "reversible" } }),
  dense: layer({ channel: { kind: "mlp" } }, { history: { kind: "dense" } }),
  "several heads": mixer(gru, { heads: [{ head: { kind: "lm", tied: false }, ahead: 2 }] }),
};

const schemes = {
  sinusoidal: embedded("sinusoidal"),
  learned: embedded("learned"),
  none: embedded("none"),
  RoPE: rope({}),
  "RoPE partial": rope({ rotaryFraction: 0.5 }),
  "RoPE interleaved": rope({ layout: "interleaved" }),
  "RoPE linear": scaling({ kind: "linear", factor: 2 }),
  "RoPE dynamic": scaling({ kind: "dynamic", factor: 2, length: 4096 }),
  "RoPE YaRN": scaling({ kind: "yarn", factor: 2 }),
  "RoPE llama3": scaling({ kind: "llama3", factor: 8 }),
  ALiBi: positions("alibi"),
  "T5 bias": positions("t5-bias"),
  relative: positions("relative"),
  "2-D": embedded("sinusoidal-2d"),
  "2-D learned": embedded("learned-2d"),
  "2-D RoPE": positions("rope-2d"),
};

const mixers = {
  "sliding window": mixer(attention({ window: 8 })),
  chunked: mixer(attention({ pattern: { kind: "chunk", size: 8 } })),
  "strided sparse": mixer(attention({ pattern: { kind: "strided", stride: 4 } })),
  Longformer: mixer({ kind: "longformer", heads: 2 }, { objective: encoder }),
  "additive scores": mixer(attention({ score: "additive" })),
  "bilinear scores": mixer(attention({ score: "bilinear" })),
  "no scale": mixer(attention({ scale: "none" })),
  "QK-norm": mixer(attention({ qkNorm: "rms" })),
  "soft cap": mixer(attention({ softcap: 30 })),
  sinks: mixer(attention({ sinks: true })),
  "GLA two ways": mixer({ kind: "bidirectional", mixer: { kind: "gla", heads: 2 } }, { objective: encoder }),
  MLA: mixer({ kind: "mla", heads: 2 }),
  Reformer: mixer({ kind: "reformer", heads: 2 }, { objective: encoder }),
  Linformer: mixer({ kind: "linformer", heads: 2 }, { objective: encoder }),
  Performer: mixer({ kind: "performer", heads: 2 }),
  "S4 DPLR": mixer({ kind: "s4" }),
  "S4 diagonal": mixer({ kind: "s4d" }),
  "CfC default": mixer({ kind: "cfc", mode: "default" }),
  "CfC no_gate": mixer({ kind: "cfc", mode: "no_gate" }),
  "CfC pure": mixer({ kind: "cfc", mode: "pure" }),
  "CfC mixed memory": mixer({ kind: "cfc", mixedMemory: true }),
  "NCP wiring": mixer({ kind: "cfc-wired" }),
  "xLSTM[1:1]": {
    layers: { pattern: "m s", parts: { m: { mixer: { kind: "mlstm" } }, s: { mixer: { kind: "slstm" } } } },
  },
};
for (const kind of [
  ...[
    "linear-attention",
    "gla",
    "retention",
    "deltanet",
    "gated-deltanet",
    "hgrn",
    "rwkv-4",
    "rwkv-5",
    "rwkv-6",
    "rwkv-7",
  ],
  ...["s5", "mamba", "mamba-2", "rg-lru", "lru", "rnn", "lstm", "gru", "min-gru", "min-lstm", "slstm", "mlstm", "ltc"],
  ...["hyena", "conv-glu", "dilated-conv", "neural-cde", "ode-rnn", "multi", "gate"],
])
  Object.assign(mixers, { [kind]: mixer({ kind }) });
for (const kind of ["pooling", "token-mlp", "fnet", "identity", "conv2d", "resnet-block"])
  Object.assign(mixers, { [kind]: mixer({ kind }, { objective: encoder }) });
/** Recurrences and convolutions in time, run over the text in both directions. */
for (const kind of [
  ...["retention", "deltanet", "gated-deltanet", "hgrn", "rwkv-4", "rwkv-5", "rwkv-6", "rwkv-7", "linear-attention"],
  ...["s4", "s4d", "s5", "mamba", "mamba-2", "rg-lru", "lru", "rnn", "lstm", "gru", "min-gru", "min-lstm"],
  ...["slstm", "mlstm", "ltc", "cfc", "hyena", "performer"],
])
  Object.assign(mixers, {
    [`${kind} two ways`]: mixer({ kind: "bidirectional", mixer: { kind } }, { objective: encoder }),
  });
/** What reads an encoder. */
for (const cross of [
  { kind: "cross-attention" },
  { kind: "cross-attention", score: "additive" },
  { kind: "cross-attention", score: "bilinear" },
  { kind: "cross-attention", scale: "none" },
  { kind: "linformer-cross" },
  { kind: "linear-cross-attention" },
  { kind: "performer-cross" },
])
  Object.assign(mixers, {
    [`cross: ${Object.values(cross).join(" ")}`]: {
      encoder: { layers: [{ mixer: attention({ causal: false }) }] },
      layers: [{ mixer: attention(), cross: { heads: 2, ...cross } }],
      objective: { kind: "sequence-to-sequence" },
    },
  });

const channels = {
  SwiGLU: channel({ kind: "swiglu" }),
  GeGLU: channel({ kind: "swiglu", activation: "gelu" }),
  ReGLU: channel({ kind: "swiglu", activation: "relu" }),
  GLU: channel({ kind: "swiglu", activation: "sigmoid" }),
  "neural ODE, fixed steps": channel({ kind: "neural-ode", method: "rk4", steps: 4 }),
  "neural ODE, adaptive steps": channel({ kind: "neural-ode", method: "dopri5", adaptive: true }),
  "neural ODE, adjoint": channel({ kind: "neural-ode", gradient: "adjoint" }),
  "MoE top-k": moe({ topK: 2 }),
  "MoE noisy top-k, importance loss": moe({ routing: "noisy-topk", balanceWeight: 0.1 }),
  "MoE Switch": moe({ routing: "topk-of-softmax", topK: 1 }),
  "MoE shared expert": moe({ shared: 16 }),
  "MoE group-limited": moe({ groups: 2, keptGroups: 1 }),
  "MoE bias-balanced": moe({ routing: "sigmoid-topk-renormalise", biasSpeed: 0.001 }),
  "MoE sinkhorn": moe({ routing: "sinkhorn" }),
  "MoE z loss": moe({ zWeight: 0.01 }),
  "MoE capacity": moe({ capacityFactor: 1.25 }),
  "MoE dense form": moe({ dispatch: "dense" }),
  "expert choice": seeingAll({ kind: "expert-choice", experts: 4 }),
  "soft MoE": seeingAll({ kind: "soft-moe", experts: 4 }),
};
for (const activation of [
  ...["relu", "relu-squared", "leaky-relu", "relu6", "elu", "selu", "gelu", "gelu-tanh", "silu", "mish", "softplus"],
  ...["softsign", "hard-sigmoid", "hard-swish", "hard-tanh", "sigmoid", "tanh", "identity"],
])
  Object.assign(channels, { [`MLP ${activation}`]: channel({ kind: "mlp", activation }) });

const norms = Object.fromEntries(
  ["layernorm", "rmsnorm", "batchnorm", "groupnorm", "none"].map((kind) => [
    kind,
    layer({ channel: { kind: "mlp" }, norm: { kind } }),
  ]),
);

const both = mixer(attention({ causal: false }));
const judged = { ...both, head: { kind: "classes" } };
const paired = stacks["encoder–decoder"];
const trained = (spec: Options, objective: Options): Options => ({ ...spec, objective });
const objectives = {
  "next token": mixer(gru),
  "masked LM": trained(both, { kind: "masked-lm" }),
  "span corruption": trained(paired, { kind: "span-corruption" }),
  denoising: trained(paired, { kind: "denoising", noise: ["infill", "permute"] }),
  "sequence to sequence, label smoothing": trained(paired, { kind: "sequence-to-sequence", labelSmoothing: 0.1 }),
  LLaDA: trained(both, { kind: "masked-diffusion" }),
  "LLaDA in random order": trained(both, { kind: "masked-diffusion", sampler: "random" }),
  "LLaDA block-wise": trained(both, { kind: "masked-diffusion", block: 8, steps: 4 }),
  MDLM: trained(both, { kind: "masked-diffusion", schedule: "log-linear", sampler: "ancestral" }),
  "D3PM absorbing": trained(both, { kind: "d3pm", transition: "absorbing" }),
  "D3PM uniform": trained(both, { kind: "d3pm", transition: "uniform" }),
  classification: trained(judged, { kind: "classification" }),
  regression: trained(judged, { kind: "regression" }),
};

describe.each(Object.entries({ stacks, positions: schemes, mixers, channels, norms, objectives }))("%s", (_, specs) => {
  test.each(Object.entries(specs as Record<string, Options>))("%s", (_name, spec) => {
    const { model } = build(spec);
    expect(model.parameters.size).toBeGreaterThan(0);
    expect(canonicalSpec(model.spec)).toEqual(model.spec);
  });
});
