import { z } from "zod";
import { joinSkip } from "../../ops/index.ts";
import { defineHistory, type HistoryPlace } from "../define.ts";
import { tensor } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

const config = z.strictObject({
  from: z
    .enum(["mirror", "resolution"])
    .default("mirror")
    .describe(
      "mirror: layers of the upper half read what entered their mirror image below; resolution: a layer behind an up-sampling reads what was left at its grid by a down-sampling",
    ),
});

/** Long skips from the way down to the way up. */
export const unetSkips = defineHistory({
  kind: "unet-skips",
  title: "Long skips of a U-net",
  cite: { arxiv: "2209.12152", by: "Bao et al. 2022 (U-ViT), section 3; Ronneberger et al. 2015 (resolution)" },
  equations: [
    "x_i ← [x_{L−1−i}, x_i] W,  i ≥ L/2, layers from 0 to L − 1",
    "resolution: x_i ← [x_j, x_i] W,  j the last layer below that left the grid which layer i − 1 brought back",
  ],
  config,
  fits: (c) => c.from === "resolution",
  dims(c, D, at) {
    const partner = c.from === "mirror" ? mirrorOf(at) : leftAt(at);
    return { D, from: { partner }, S: at.streams?.[partner]?.width ?? D };
  },
  params: ({ D, S, from: { partner } }) => ({
    ...(partner >= 0 && {
      // At first the stream alone, as without skips.
      join: tensor([S + D, D], {
        kind: "values",
        fill: () => Array.from({ length: (S + D) * D }, (_, i) => Number(i - S * D === (i % D) * (D + 1))),
      }),
    }),
  }),
  forward(states, { d, p }) {
    const x = states.at(-1)!;
    return p.join ? joinSkip(x, states[d.from.partner]!, value(p.join)) : x;
  },
});

/** Index among the streams of what entered the mirror image, −1 where there is none. */
const mirrorOf = ({ place, depth }: HistoryPlace): number =>
  place <= depth && place - 1 >= depth / 2 ? depth - place : -1;

/** Index among the streams of the newest that a down-sampling left at the grid which the layer below has brought back. */
function leftAt({ place, depth, streams = [] }: HistoryPlace): number {
  const strides = streams.map(({ stride }) => stride);
  const [newest, below] = [strides.at(-1)!, strides.at(-2)];
  if (place > depth || below === undefined || newest >= below) return -1;
  return strides.findLastIndex((stride, i) => i < place - 1 && stride === newest && strides[i + 1]! > newest);
}
