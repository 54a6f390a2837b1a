/** MiniMax's lightning attention from transformers: rows of its one projection stand by head as [q | k | v]. */
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Mixer } from "../define.ts";
import { lightningAttention } from "./lightning-attention.ts";
import { columnsOf, layerGraph, weightOf } from "./mamba-2.goldens.ts";

function build(c: GoldenCase): GoldenGraph {
  const [heads, headSize, width] = [c.number("num_attention_heads"), c.number("head_dim"), c.number("hidden_size")];
  const byHead = c.tensor("param.qkv_proj.weight").reshape([heads, 3 * headSize, width]);
  const [q, k, v] = byHead.split(1, [headSize, headSize, headSize]).map((part) => columnsOf(part.reshape([-1, width])));
  return layerGraph(c, {
    mixer: lightningAttention as unknown as Mixer,
    config: {
      heads,
      headSize,
      depth: c.number("layer") / (c.number("num_hidden_layers") - 1 + 1e-5),
      chunk: c.number("block_size"),
    },
    weights: {
      q: q!,
      k: k!,
      v: v!,
      gate: columnsOf(c.tensor("param.output_gate.weight")),
      norm: weightOf(c.tensor("param.norm.weight")),
      out: columnsOf(c.tensor("param.out_proj.weight")),
    },
    states: { S: { name: "S", swap: [2, 3] } },
  });
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "lightning_attention", build }];
