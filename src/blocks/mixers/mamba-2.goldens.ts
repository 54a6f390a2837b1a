/** Mamba-2 layers of transformers: in_proj rows stand as [z | x, B, C | dt]; Falcon's multipliers scale rows. */

import { concat, constant, stack, type Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Io, Mixer } from "../define.ts";
import type { Weight } from "../weights/use.ts";
import { mamba2 } from "./mamba-2.ts";

/** A stored tensor in the place of a parameter. */
export const weightOf = (tensor: Tensor): Weight => ({
  path: "golden",
  declaration: { shape: tensor.shape, init: { kind: "constant", value: 0 }, role: "matrix" },
  tensor,
});

/** PyTorch's [outputs, inputs] as [inputs, outputs]. */
export const columnsOf = (rows: Tensor): Weight => weightOf(rows.transpose([1, 0]));

/** A depthwise kernel [C, 1, K] as [C, K]. */
export const kernelOf = (kernel: Tensor): Weight => weightOf(kernel.squeeze(1));

const io: Io = {
  mode: "eval",
  rng: () => {
    throw new Error("nothing here draws");
  },
};

/** A mixer with a convolution state [B, C, K − 1], put in the place of a source's layer that keeps K inputs. */
export interface LayerCase {
  mixer: Mixer;
  config: Readonly<Record<string, unknown>>;
  weights: Readonly<Record<string, Weight>>;
  /** Ours to the source's names of the states beside `conv`, and how they differ (the same both ways). */
  states: Readonly<Record<string, { name: string; swap?: readonly [number, number] }>>;
  /** Scales what the source's first projection reads. */
  inputScale?: number;
}

/** The layer's forward form, and where the case stores them the final states and the same by steps. */
export function layerGraph(c: GoldenCase, layer: LayerCase): GoldenGraph | Absent {
  const mask_BT = leftPadding(c);
  if (typeof mask_BT === "string") return mask_BT;
  const real = mask_BT?.cast("f32").unsqueeze(2);
  const scaled = c.tensor("in.x").mul(layer.inputScale ?? 1);
  if (real && c.has("param.in_proj.bias")) return { outputs: oneByOne(c, scaled, layer) };
  const outputs = sequences(c, layer, { x: real ? scaled.mul(real) : scaled, mask_BT, start: givenStates(c, layer) });
  return { outputs: { ...outputs, ...(real && { "out.y": atPadding(outputs["out.y"]!, real, layer) }) } };
}

interface Sequences {
  x: Tensor;
  mask_BT?: Tensor | undefined;
  start: Record<string, Tensor | undefined>;
}

function sequences(c: GoldenCase, layer: LayerCase, { x, mask_BT, start }: Sequences): Record<string, Tensor> {
  const [batch, time, width] = x.shape as [number, number, number];
  const config = layer.mixer.config.parse(layer.config);
  const its = mask_BT ? { ...io, mask_BT } : io;
  const at = { c: config, d: layer.mixer.dims(config, width), p: layer.weights, b: {}, io: its };
  const result = layer.mixer.forward(x, { ...at, s: start });
  const outputs: Record<string, Tensor> = { "out.y": result.y };
  for (const [ours, { name, swap }] of Object.entries(layer.states))
    if (c.has(`state.out.${name}`)) outputs[`state.out.${name}`] = swapped(result.s[ours]!, swap);
  if (c.has("state.out.conv")) {
    const earlier = { ...at, io: mask_BT ? { ...io, mask_BT: mask_BT.slice(1, 0, -1) } : io, s: start };
    const before = time > 1 ? layer.mixer.forward(x.slice(1, 0, -1), earlier).s.conv! : start.conv;
    const oldest = before?.slice(-1, 0, 1) ?? result.s.conv!.slice(-1, 0, 1).mul(0);
    outputs["state.out.conv"] = concat(-1, [oldest, result.s.conv!]);
  }
  if (c.has("out.step"))
    outputs["out.step"] = bySteps(x, layer.mixer, { ...at, s: completed(layer.mixer, at, start, batch) });
  return outputs;
}

/** Each sequence's tokens behind a convolution state of what padding leaves there in the source: the projection's bias. */
function oneByOne(c: GoldenCase, x_BTD: Tensor, layer: LayerCase): Record<string, Tensor> {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const flags = c.values("in.mask");
  const { xBias, bcBias, outBias, conv } = layer.weights as Record<string, Weight>;
  const bias_C1 = concat(0, [xBias!.tensor, bcBias!.tensor]).unsqueeze(1);
  const kept = conv!.tensor.dim(1) - 1;
  const each = Array.from({ length: B }, (_, b) => {
    const padding = flags.subarray(b * T, (b + 1) * T).indexOf(1);
    const filled = Array.from({ length: kept }, (_, i) => (i >= kept - padding ? 1 : 0));
    const start = { conv: bias_C1.mul(constant(filled, [kept])).unsqueeze(0) };
    const outputs = sequences(c, layer, { x: x_BTD.slice(0, b, b + 1).slice(1, padding), start });
    const before = outBias!.tensor.expand([1, padding, outBias!.tensor.dim(0)]);
    return { ...outputs, "out.y": padding === 0 ? outputs["out.y"]! : concat(1, [before, outputs["out.y"]!]) };
  });
  const joined = (name: string) =>
    concat(
      0,
      each.map((outputs: Record<string, Tensor>) => outputs[name]!),
    );
  return Object.fromEntries(Object.keys(each[0]!).map((name) => [name, joined(name)]));
}

/** bool [B, T]. Transformers lets a recurrence go on through padding: before the tokens its state is 0 all the same. */
function leftPadding(c: GoldenCase): Tensor | Absent | undefined {
  if (!c.has("in.mask")) return undefined;
  const flags = c.values("in.mask");
  const T = c.tensor("in.x").dim(1);
  const left = [...flags].every((flag, i) => i % T === 0 || flag >= flags[i - 1]!);
  return left ? c.mask("in.mask") : "absent: a recurrence that goes on through padding behind the tokens";
}

/** What a layer gives for no input: its output's bias. */
function atPadding(y: Tensor, real: Tensor, { weights }: LayerCase): Tensor {
  const kept = y.mul(real);
  return weights.outBias ? kept.add(weights.outBias.tensor.mul(real.neg().add(1))) : kept;
}

function givenStates(c: GoldenCase, { states }: LayerCase): Record<string, Tensor | undefined> {
  const given = Object.entries(states).map(([ours, { name, swap }]) => {
    const stored = c.maybe(`state.in.${name}`);
    return [ours, stored && swapped(stored, swap)];
  });
  return { conv: c.maybe("state.in.conv")?.slice(-1, 1), ...Object.fromEntries(given) };
}

const swapped = (t: Tensor, swap: readonly [number, number] | undefined): Tensor => (swap ? t.swap(...swap) : t);

type At = Parameters<Mixer["forward"]>[1];

/** Every state, zero where the case gives none. */
function completed(
  mixer: Mixer,
  at: Omit<At, "s">,
  given: Readonly<Record<string, Tensor | undefined>>,
  batch: number,
): Record<string, Tensor> {
  const shapes = mixer.state(at.d, at.c) as Record<string, readonly number[]>;
  const anything = Object.values(at.p)[0]!.tensor.reshape([-1]).at(0, 0).mul(0);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, given[name] ?? anything.expand([batch, ...shape])]),
  );
}

function bySteps(x_BTD: Tensor, mixer: Mixer, at: Omit<At, "s"> & { s: Record<string, Tensor> }): Tensor {
  let s: Readonly<Record<string, Tensor>> = at.s;
  const ys = Array.from({ length: x_BTD.dim(1) }, (_, t) => {
    const result = mixer.step!(x_BTD.at(1, t), { ...at, s });
    s = result.s;
    return result.y;
  });
  return stack(1, ys);
}

/** The first of these settings that the case has. */
export function setting(c: GoldenCase, names: readonly string[], fallback?: number): number {
  const name = names.find((candidate) => c.config[candidate] !== undefined);
  return name === undefined && fallback !== undefined ? fallback : c.number(name ?? names[0]!);
}

function configOf(c: GoldenCase) {
  const [dtMin, dtMax] = Array.isArray(c.config.time_step_limit)
    ? c.config.time_step_limit
    : [c.config.time_step_min ?? 0, null];
  const beforeGate = c.flag("mamba_norm_before_gate");
  return {
    heads: setting(c, ["num_heads", "mamba_n_heads", "n_mamba_heads"]),
    expand:
      setting(c, ["mamba_d_ssm"], setting(c, ["expand", "mamba_expand"]) * c.number("hidden_size")) /
      c.number("hidden_size"),
    state: setting(c, ["state_size", "mamba_d_state"]),
    groups: setting(c, ["n_groups", "mamba_n_groups", "mamba_ngroups"]),
    conv: setting(c, ["conv_kernel", "mamba_d_conv"]),
    chunk: setting(c, ["chunk_size", "mamba_chunk_size"]),
    norm: c.has("param.norm.weight") ? (beforeGate ? "before-gate" : "after-gate") : "none",
    epsilon: setting(c, ["layer_norm_epsilon", "rms_norm_eps"], 1e-5),
    dtMin,
    ...(dtMax !== null && { dtMax }),
    bias: c.has("param.in_proj.bias"),
    convBias: c.has("param.conv1d.bias"),
  };
}

function build(c: GoldenCase): GoldenGraph | Absent {
  const config = configOf(c);
  return layerGraph(c, {
    mixer: mamba2 as unknown as Mixer,
    config,
    weights: weights(c, mamba2.dims(mamba2.config.parse(config), c.number("hidden_size"))),
    states: { ssm: { name: "ssm" } },
    inputScale: setting(c, ["ssm_in_multiplier"], 1),
  });
}

function weights(c: GoldenCase, { I, G, N, H }: ReturnType<typeof mamba2.dims>): Record<string, Weight> {
  const [z, x, B, C, dt] = c.list("ssm_multipliers", [1, 1, 1, 1, 1]) as [number, number, number, number, number];
  const inProj = c.tensor("param.in_proj.weight");
  const rows = inProj.split(0, [I, I, G * N, G * N, H]).map((part, i) => part.mul([z, x, B, C, dt][i]!));
  const biases = c.maybe("param.in_proj.bias")?.split(0, [I, I, 2 * G * N, H]);
  const dtBias = c.tensor("param.dt_bias");
  const optional = {
    convBias: c.maybe("param.conv1d.bias"),
    norm: c.maybe("param.norm.weight"),
    outBias: c.maybe("param.out_proj.bias"),
  };
  const present = Object.entries(optional).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  return {
    z: columnsOf(rows[0]!),
    x: columnsOf(rows[1]!),
    bc: columnsOf(concat(0, [rows[2]!, rows[3]!])),
    dt: columnsOf(rows[4]!),
    conv: kernelOf(c.tensor("param.conv1d.weight")),
    dtBias: weightOf(biases ? dtBias.add(biases[3]!) : dtBias),
    logA: weightOf(c.tensor("param.A_log")),
    skip: weightOf(c.tensor("param.D")),
    out: columnsOf(c.tensor("param.out_proj.weight")),
    ...(biases && { zBias: weightOf(biases[0]!), xBias: weightOf(biases[1]!), bcBias: weightOf(biases[2]!) }),
    ...Object.fromEntries(present.map(([name, tensor]) => [name, weightOf(tensor)])),
  };
}

const components = ["mamba2", "bamba_mamba", "granite_hybrid_mamba", "falcon_h1_mamba", "zamba2_mamba"];
export const adapters: readonly GoldenAdapter[] = components.map((component) => ({ kind: "blocks", component, build }));
