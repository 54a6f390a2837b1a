/** Gated DeltaNet layers of transformers. Qwen3-Next's projections are ordered by key head; OLMo's are apart. */

import type { Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Mixer } from "../define.ts";
import type { Weight } from "../weights/use.ts";
import { gatedDeltanet } from "./gated-deltanet.ts";
import { columnsOf, kernelOf, layerGraph, weightOf } from "./mamba-2.goldens.ts";

function build(c: GoldenCase, weights: Record<string, Weight>, epsilon: number): GoldenGraph | Absent {
  const config = {
    heads: c.number("linear_num_value_heads"),
    keyHeads: c.number("linear_num_key_heads"),
    keySize: c.number("linear_key_head_dim"),
    valueSize: c.number("linear_value_head_dim"),
    conv: c.number("linear_conv_kernel_dim"),
    negEigen: c.flag("linear_allow_neg_eigval"),
    chunk: 8,
    epsilon,
  };
  const shared = {
    conv: kernelOf(c.tensor("param.conv1d.weight")),
    logA: weightOf(c.tensor("param.A_log")),
    decayBias: weightOf(c.tensor("param.dt_bias")),
  };
  return layerGraph(c, {
    mixer: gatedDeltanet as unknown as Mixer,
    config,
    weights: { ...weights, ...shared },
    states: { S: { name: "S", swap: [2, 3] } },
  });
}

/** Rows [key head, parts, inputs] as one matrix per part. */
function byKeyHead(rows: Tensor, keyHeads: number, sizes: readonly number[]): Weight[] {
  const perHead = rows.reshape([keyHeads, -1, rows.dim(1)]);
  return perHead.split(1, sizes).map((part) => columnsOf(part.reshape([-1, rows.dim(1)])));
}

function qwen(c: GoldenCase): GoldenGraph | Absent {
  const [G, H] = [c.number("linear_num_key_heads"), c.number("linear_num_value_heads")];
  const [K, V] = [c.number("linear_key_head_dim"), (H / G) * c.number("linear_value_head_dim")];
  const [q, k, v, z] = byKeyHead(c.tensor("param.in_proj_qkvz.weight"), G, [K, K, V, V]);
  const [beta, decay] = byKeyHead(c.tensor("param.in_proj_ba.weight"), G, [H / G, H / G]);
  const ends = { norm: weightOf(c.tensor("param.norm.weight")), out: columnsOf(c.tensor("param.out_proj.weight")) };
  return build(c, { q: q!, k: k!, v: v!, z: z!, beta: beta!, decay: decay!, ...ends }, c.number("rms_norm_eps"));
}

function olmo(c: GoldenCase): GoldenGraph | Absent {
  const read = (name: string) => columnsOf(c.tensor(`param.${name}_proj.weight`));
  const inputs = { q: read("q"), k: read("k"), v: read("v"), z: read("g"), beta: read("b"), decay: read("a") };
  return build(c, { ...inputs, norm: weightOf(c.tensor("param.o_norm.weight")), out: read("o") }, 1e-5);
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "gated_delta_net", build: qwen },
  { kind: "blocks", component: "olmo_gated_delta_net", build: olmo },
];
