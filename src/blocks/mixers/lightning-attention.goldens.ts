/** MiniMax's lightning attention from transformers: rows of its one projection stand by head as [q | k | v]. */
import { constant } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import type { Mixer } from "../define.ts";
import { lightningAttention } from "./lightning-attention.ts";
import { columnsOf, layerGraph, weightOf } from "./mamba-2.goldens.ts";
import { goldenIo } from "./rnn-golden-weights.fixture.ts";

interface Settings {
  heads: number;
  headSize: number;
  width: number;
  depth: number;
  chunk: number;
}

const configOf = ({ heads, headSize, depth, chunk }: Settings) => ({ heads, headSize, depth, chunk });

function weightsOf(c: GoldenCase, { heads, headSize, width }: Settings) {
  const byHead = c.tensor("param.qkv_proj.weight").reshape([heads, 3 * headSize, width]);
  const [q, k, v] = byHead.split(1, [headSize, headSize, headSize]).map((part) => columnsOf(part.reshape([-1, width])));
  return {
    q: q!,
    k: k!,
    v: v!,
    gate: columnsOf(c.tensor("param.output_gate.weight")),
    norm: weightOf(c.tensor("param.norm.weight")),
    out: columnsOf(c.tensor("param.out_proj.weight")),
  };
}

function build(c: GoldenCase): GoldenGraph | Absent {
  const settings: Settings = {
    heads: c.number("num_attention_heads"),
    headSize: c.number("head_dim"),
    width: c.number("hidden_size"),
    depth: c.number("layer") / (c.number("num_hidden_layers") - 1 + 1e-5),
    chunk: c.number("block_size"),
  };
  return layerGraph(c, {
    mixer: lightningAttention as unknown as Mixer,
    config: configOf(settings),
    weights: weightsOf(c, settings),
    states: { S: { name: "S", swap: [2, 3] } },
  });
}

/** The layer of a whole model: its `weights` are the final state, and its rotary tables serve other layers. */
function ofModel(c: GoldenCase): GoldenGraph {
  const of = c.config.settings as Readonly<Record<string, number>>;
  const [heads, headSize, width] = [of.num_attention_heads!, of.head_dim!, of.hidden_size!];
  const settings: Settings = { heads, headSize, width, depth: 0, chunk: of.block_size! };
  const config = lightningAttention.config.parse(configOf(settings));
  const x = c.tensor("in.x");
  const d = lightningAttention.dims(config, width);
  const p = weightsOf(c, settings);
  const { y, s } = lightningAttention.forward(x, { c: config, d, p, s: {}, b: {}, io: goldenIo() });
  const angles = Array.from({ length: x.dim(1) * headSize }, (_, i) => {
    const [t, pair] = [Math.floor(i / headSize), (i % headSize) % (headSize / 2)];
    return t * 1e6 ** ((-2 * pair) / headSize);
  });
  const table = (f: (angle: number) => number) => constant(angles.map(f), [1, x.dim(1), headSize]);
  const tables = { "out.rope_cos": table(Math.cos), "out.rope_sin": table(Math.sin) };
  return { outputs: { "out.y": y, "out.weights": s.S.swap(2, 3), ...tables } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "lightning_attention", build },
  { kind: "blocks", component: "minimax-lightning", build: ofModel },
];
