/** transformers' Lfm2ShortConv: in_proj rows stand as [b | c | a]. */
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Mixer } from "../define.ts";
import { columnsOf, kernelOf, layerGraph, weightOf } from "./mamba-2.goldens.ts";
import { shortConv } from "./short-conv.ts";

function build(c: GoldenCase): GoldenGraph | Absent {
  const D = c.number("hidden_size");
  const [b, gate, a] = c.tensor("param.in_proj.weight").split(0, [D, D, D]);
  const biases = c.maybe("param.in_proj.bias")?.split(0, [D, D, D]).map(weightOf);
  return layerGraph(c, {
    mixer: shortConv as unknown as Mixer,
    config: { conv: c.number("kernel"), bias: biases !== undefined },
    weights: {
      inputGate: columnsOf(b!),
      outputGate: columnsOf(gate!),
      values: columnsOf(a!),
      conv: kernelOf(c.tensor("param.conv.weight")),
      out: columnsOf(c.tensor("param.out_proj.weight")),
      ...(biases && {
        inputGateBias: biases[0]!,
        outputGateBias: biases[1]!,
        valuesBias: biases[2]!,
        convBias: weightOf(c.tensor("param.conv.bias")),
        outBias: weightOf(c.tensor("param.out_proj.bias")),
      }),
    },
    states: {},
  });
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "lfm2_short_conv", build }];
