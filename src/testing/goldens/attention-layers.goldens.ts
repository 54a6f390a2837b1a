/** Whole layers of public implementations: our attention, norms and channel mixers, wired as the source wires them. */
import type { Tensor } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenGraph } from "./adapter.ts";
import { attentionOf } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";
import { maskOf, reachOf, ropeTables } from "./hf-attention.fixture.ts";
import { decoderFamilies } from "./layer-families-decoder.fixture.ts";
import { encoderFamilies } from "./layer-families-encoder.fixture.ts";
import { otherFamilies } from "./layer-families-other.fixture.ts";
import type { Family } from "./layer-family.ts";
import { normOf } from "./layer-parts.fixture.ts";
import { wire } from "./layer-wiring.ts";

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
  const y = wire(c.tensor("in.x"), layer, { attend, norm: (name) => normOf(c, name, layer.norms) });
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

export const adapters: readonly GoldenAdapter[] = Object.entries({
  ...decoderFamilies,
  ...otherFamilies,
  ...encoderFamilies,
}).map(([component, family]) => ({
  kind: "blocks",
  component,
  build: (c) => build(c, family),
}));
