/** Mamba layers of transformers: in_proj rows stand as [u | z], states as [channels, state]. */

import type { Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Mixer } from "../define.ts";
import type { Weight } from "../weights/use.ts";
import { mamba } from "./mamba.ts";
import { columnsOf, kernelOf, layerGraph, setting, weightOf } from "./mamba-2.goldens.ts";

function build(c: GoldenCase): GoldenGraph | Absent {
  const config = {
    state: setting(c, ["state_size", "mamba_d_state"]),
    expand: setting(c, ["expand", "mamba_expand"]),
    conv: setting(c, ["conv_kernel", "mamba_d_conv"]),
    dtRank: setting(c, ["time_step_rank", "mamba_dt_rank"]),
    norm: c.has("param.dt_layernorm.weight") ? "gain" : c.config.mixer_rms_eps === undefined ? "none" : "plain",
    epsilon: setting(c, ["mixer_rms_eps", "rms_norm_eps"], 1e-5),
    bias: c.has("param.in_proj.bias"),
    convBias: c.has("param.conv1d.bias"),
  };
  return layerGraph(c, {
    mixer: mamba as unknown as Mixer,
    config,
    weights: weights(c),
    states: { ssm: { name: "ssm", swap: [1, 2] } },
  });
}

function weights(c: GoldenCase): Record<string, Weight> {
  const inner = c.tensor("param.D").size;
  const [u, z] = c.tensor("param.in_proj.weight").split(0, [inner, inner]) as [Tensor, Tensor];
  const [uBias, zBias] = c.maybe("param.in_proj.bias")?.split(0, [inner, inner]) ?? [];
  const optional = {
    uBias,
    zBias,
    convBias: c.maybe("param.conv1d.bias"),
    dtNorm: c.maybe("param.dt_layernorm.weight"),
    BNorm: c.maybe("param.b_layernorm.weight"),
    CNorm: c.maybe("param.c_layernorm.weight"),
    outBias: c.maybe("param.out_proj.bias"),
  };
  const present = Object.entries(optional).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  return {
    u: columnsOf(u),
    z: columnsOf(z),
    conv: kernelOf(c.tensor("param.conv1d.weight")),
    select: columnsOf(c.tensor("param.x_proj.weight")),
    dt: columnsOf(c.tensor("param.dt_proj.weight")),
    dtBias: weightOf(c.tensor("param.dt_proj.bias")),
    logA: weightOf(c.tensor("param.A_log")),
    skip: weightOf(c.tensor("param.D")),
    out: columnsOf(c.tensor("param.out_proj.weight")),
    ...Object.fromEntries(present.map(([name, tensor]) => [name, weightOf(tensor)])),
  };
}

export const adapters: readonly GoldenAdapter[] = ["mamba", "falcon_mamba", "jamba_mamba"].map((component) => ({
  kind: "blocks",
  component,
  build,
}));
