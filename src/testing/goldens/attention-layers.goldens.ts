/** Whole layers of public implementations: our attention, norms and channel mixers, wired as the source wires them. */
import type { Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf } from "./attention-of.ts";
import type { GoldenCase } from "./golden-case.ts";
import { maskOf, reachOf, ropeTables } from "./hf-attention.ts";
import { decoderFamilies } from "./layer-families-decoder.ts";
import { encoderFamilies } from "./layer-families-encoder.ts";
import { otherFamilies } from "./layer-families-other.ts";
import type { Family, Layer } from "./layer-family.ts";
import { normOf } from "./layer-parts.ts";

function build(c: GoldenCase, family: Family): GoldenGraph | Absent {
  const layer = family(c);
  if (typeof layer === "string") return layer;
  const io = maskOf(c);
  if (typeof io === "string") return io;
  const padding = c.has("in.key_mask") ? { mask_BT: c.mask("in.key_mask") } : io;
  const { maps, options, tables } = layer.attention;
  let weights: Tensor | undefined;
  const attend = (x: Tensor) => {
    const result = attentionOf(x, maps, { options: { ...reachOf(c), ...options }, io: padding });
    weights = result.weights;
    return result.y;
  };
  const y = wire(c, layer, attend);
  const headSize = maps.out.weight.dim(1) / options.heads;
  return {
    outputs: {
      "out.y": y,
      ...(c.has("out.weights") && { "out.weights": weights! }),
      ...(tables &&
        ropeTables(c, tables, { headSize, ...(layer.attention.repeats && { repeats: layer.attention.repeats }) })),
    },
  };
}

function wire(
  c: GoldenCase,
  { norms, channel, wiring = "serial", branch = (t) => t }: Layer,
  attend: (x: Tensor) => Tensor,
): Tensor {
  const x = c.tensor("in.x");
  const norm = (name: string | undefined) => (name === undefined ? (t: Tensor) => t : normOf(c, name, norms));
  const [attentionIn, attentionOut, channelIn, channelOut] = [
    norms.attention,
    norms.attentionOut,
    norms.channel,
    norms.channelOut,
  ].map(norm) as [typeof attend, typeof attend, typeof attend, typeof attend];
  const attended = (t: Tensor) => branch(attentionOut(attend(attentionIn(t))), 1);
  const mixed = (t: Tensor) => branch(channelOut(channel(channelIn(t))), 2);
  if (wiring === "parallel") return x.add(attended(x)).add(mixed(x));
  if (wiring === "serial") {
    const a = x.add(attended(x));
    return a.add(mixed(a));
  }
  if (wiring === "post") {
    const a = attentionOut(x.add(attend(x)));
    return channelOut(a.add(channel(a)));
  }
  const a = attentionIn(x).add(attended(x));
  return channelIn(a).add(mixed(a));
}

export const adapters: readonly GoldenAdapter[] = Object.entries({
  ...decoderFamilies,
  ...otherFamilies,
  ...encoderFamilies,
}).map(([component, family]) => ({
  kind: "blocks",
  component,
  build: (c) => build(c, family),
}));
