import { z } from "zod";
import { defineResidual } from "../define.ts";
import { gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** s ⊙ x + F(x), with a learned factor of the stream per feature, and of the branch as well where asked. */
export const skipScale = defineResidual({
  kind: "skip-scale",
  title: "Scaled skip",
  cite: { arxiv: "2110.09456", by: "Shleifer et al. 2021 (NormFormer, ResScale)" },
  equations: ["y = s ⊙ x + λ ⊙ F(x),  s and λ factors per feature"],
  config: z.strictObject({
    skip: z.number().default(1).describe("start of s"),
    branch: z.number().nullable().default(null).describe("start of λ (MetaFormer's LayerScale); null: no λ"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({ skip: gain(D, c.skip), ...(c.branch !== null && { branch: gain(D, c.branch) }) }),
  forward: (x, y, { p }) => x.mul(value(p.skip)).add(p.branch ? y.mul(value(p.branch)) : y),
});
