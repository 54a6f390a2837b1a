/** KDA: the recurrence from fla-core, the layer from transformers' Kimi Linear. Sources put time second and scale queries. */
import { type KeyedDeltaInput, keyedDelta } from "../../ops/index.ts";
import { keyedSteps } from "../../ops/keyed-delta.goldens.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Mixer } from "../define.ts";
import { kda } from "./kda.ts";
import { columnsOf, kernelOf, layerGraph, weightOf } from "./mamba-2.goldens.ts";

const swapEnds = (x: Tensor): Tensor => x.transpose([2, 3, 0, 1]);

function recurrence(c: GoldenCase): GoldenGraph {
  const [q, k] = [swapEnds(c.tensor("in.q")), swapEnds(c.tensor("in.k"))];
  const written = k.mul(c.tensor("in.beta").transpose([2, 0, 1]).unsqueeze(1));
  const input: KeyedDeltaInput = {
    q_HKBT: q.mul(q.dim(1) ** -0.5),
    k_HKBT: written,
    v_HVBT: swapEnds(c.tensor("in.v")),
    probe_HKBT: k,
    back_HKBT: written.neg(),
    probes: "after-decay",
    logDecay_HKBT: swapEnds(c.tensor("in.g")),
    bounded: false,
    S_BHVK: c.maybe("state.in.S")?.swap(2, 3),
    chunk: c.number("chunk_size", 4),
  };
  const { o_HVBT, S_BHVK } = c.text("form") === "recurrent" ? keyedSteps(input) : keyedDelta(input);
  return { outputs: { "out.o": swapEnds(o_HVBT), "state.out.S": S_BHVK.swap(2, 3) } };
}

function layer(c: GoldenCase): GoldenGraph | Absent {
  const map = (name: string) => columnsOf(c.tensor(`param.${name}.weight`));
  return layerGraph(c, {
    mixer: kda as unknown as Mixer,
    config: {
      heads: c.number("linear_num_heads"),
      headSize: c.number("linear_head_dim"),
      conv: c.number("linear_conv_kernel_dim"),
      epsilon: c.number("rms_norm_eps"),
      chunk: 4,
    },
    weights: {
      q: map("q_proj"),
      k: map("k_proj"),
      v: map("v_proj"),
      conv: kernelOf(c.tensor("param.conv1d.weight")),
      beta: map("b_proj"),
      decayDown: map("forget_gate.f_a_proj"),
      decayUp: map("forget_gate.f_b_proj"),
      decayBias: weightOf(c.tensor("param.forget_gate.dt_bias")),
      logA: weightOf(c.tensor("param.forget_gate.A_log").reshape([-1])),
      gateDown: map("g_a_proj"),
      gateUp: map("g_b_proj"),
      norm: weightOf(c.tensor("param.o_norm.weight")),
      out: map("o_proj"),
    },
    states: { S: { name: "S", swap: [2, 3] } },
  });
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "kda", build: recurrence },
  { kind: "blocks", component: "kimi_delta_attention", build: layer },
];
