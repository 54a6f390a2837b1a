import { z } from "zod";
import { defineResidual } from "../define.ts";
import { gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** x + λ ⊙ F(x) with a learned factor per feature that starts small, so that deep stacks start near the identity. */
export const layerscale = defineResidual({
  kind: "layerscale",
  title: "LayerScale",
  cite: { arxiv: "2103.17239", by: "Touvron et al. 2021, eq. 4" },
  equations: ["y = x + λ ⊙ F(x),  λ a factor per feature"],
  config: z.strictObject({
    initial: z
      .number()
      .default(0.1)
      .describe("start of λ; the paper takes 0.1 up to 18 layers, 1e-5 up to 24, 1e-6 beyond"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({ scale: gain(D, c.initial) }),
  forward: (x, y, { p }) => x.add(y.mul(value(p.scale))),
});
