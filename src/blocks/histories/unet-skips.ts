import { z } from "zod";
import { joinSkip } from "../../ops/index.ts";
import { defineHistory } from "../define.ts";
import { tensor } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** Layers of the upper half also read what entered their mirror image in the lower half. */
export const unetSkips = defineHistory({
  kind: "unet-skips",
  title: "Long skips of a U-net",
  cite: { arxiv: "2209.12152", by: "Bao et al. 2022 (U-ViT), section 3" },
  equations: ["x_i ← [x_{L−1−i}, x_i] W,  i ≥ L/2, layers from 0 to L − 1"],
  config: z.strictObject({}),
  dims: (_c, D, { place, depth }) => ({ D, place, depth }),
  params: ({ D, place, depth }) => ({
    ...(joins(place, depth) && {
      // At first the stream alone, as without skips.
      join: tensor([2 * D, D], {
        kind: "values",
        fill: () => Array.from({ length: 2 * D * D }, (_, i) => Number(i - D * D === (i % D) * (D + 1))),
      }),
    }),
  }),
  forward(states, { d: { place, depth }, p }) {
    const x = states.at(-1)!;
    return p.join ? joinSkip(x, states[depth - place]!, value(p.join)) : x;
  },
});

/** Whether there is a mirror image below. */
const joins = (place: number, depth: number): boolean => place <= depth && place - 1 >= depth / 2;
