/** PyTorch's Transformer: encoders, decoder layers and the pair, as models of our specs. */

import type { StoredLinear } from "./attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "./index.ts";
import { thirds } from "./layer-families-other.fixture.ts";
import { activationOf, linearOf } from "./layer-parts.fixture.ts";
import { runStored, type StoredLayer, stackOf } from "./model-of.fixture.ts";

/** The layer below this prefix, `encoder.layers.0.` or nothing. */
function torchLayer(c: GoldenCase, prefix: string, { causal }: { causal: boolean }): StoredLayer {
  const map = (name: string): StoredLinear => linearOf(c, `${prefix}${name}`);
  const maps = (module: string) => {
    const joined = {
      weight: c.tensor(`param.${prefix}${module}.in_proj_weight`),
      bias: c.maybe(`param.${prefix}${module}.in_proj_bias`),
    };
    return thirds(joined, map(`${module}.out_proj`));
  };
  const reads = c.has(`param.${prefix}multihead_attn.in_proj_weight`);
  const heads = c.number("heads");
  const norms = reads
    ? { mixer: `${prefix}norm1`, cross: `${prefix}norm2`, channel: `${prefix}norm3` }
    : { mixer: `${prefix}norm1`, channel: `${prefix}norm2` };
  return {
    mixer: { options: { heads, causal }, maps: maps("self_attn") },
    ...(reads && { cross: { options: { heads }, maps: maps("multihead_attn") } }),
    channel: { up: map("linear1"), down: map("linear2"), activation: activationOf(c.text("activation")) },
    norm: { kind: "layer", epsilon: c.number("eps"), names: norms },
    placement: c.flag("norm_first") ? "pre" : "post",
  };
}

/** All layers below a prefix, and the norm that stands behind them if there is one. */
function torchStack(c: GoldenCase, prefix: string, { layers, causal }: { layers: number; causal: boolean }) {
  const all = Array.from({ length: layers }, (_, i) => torchLayer(c, `${prefix}layers.${i}.`, { causal }));
  const name = `${prefix}norm`;
  return stackOf(c, all, c.has(`param.${name}.weight`) ? { name, kind: "layer", epsilon: 1e-5 } : undefined);
}

const masked = (c: GoldenCase, name: string) => (c.has(name) ? c.mask(name) : undefined);

function encoder(c: GoldenCase): GoldenGraph {
  const stack = torchStack(c, "", { layers: c.number("layers"), causal: c.config.mask === "causal" });
  const mask_BT = masked(c, "in.key_mask");
  const y = runStored(c.tensor("in.x"), stack, c.number("dim"), mask_BT && { io: { mask_BT } });
  return { outputs: { "out.y": y } };
}

function decoderLayer(c: GoldenCase): GoldenGraph {
  const stack = stackOf(c, [torchLayer(c, "", { causal: c.config.mask === "causal" })]);
  const mask_BS = masked(c, "in.memory_key_mask");
  const memory = { x_BSD: c.tensor("in.memory"), ...(mask_BS && { mask_BS }) };
  return { outputs: { "out.y": runStored(c.tensor("in.x"), stack, c.number("dim"), { memory }) } };
}

function pair(c: GoldenCase): GoldenGraph {
  const width = c.number("dim");
  const source = torchStack(c, "encoder.", { layers: c.number("encoder_layers"), causal: false });
  const target = torchStack(c, "decoder.", { layers: c.number("decoder_layers"), causal: true });
  const [x, mask] = [c.tensor("in.source"), masked(c, "in.source_key_mask")];
  const from = { stack: source, x, ...(mask && { mask }) };
  return {
    outputs: {
      "out.memory": runStored(x, source, width, mask && { io: { mask_BT: mask } }),
      "out.y": runStored(c.tensor("in.target"), target, width, { from }),
    },
  };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "encoder", build: encoder },
  { kind: "blocks", component: "decoder-layer", build: decoderLayer },
  { kind: "blocks", component: "encoder-decoder", build: pair },
];
