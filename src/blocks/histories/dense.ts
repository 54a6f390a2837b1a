import { z } from "zod";
import { depthAverage } from "../../ops/index.ts";
import { defineHistory } from "../define.ts";
import { vector } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** A learned weighted sum of the embedding and all layers below; at the start, of the newest alone. */
export const dense = defineHistory({
  kind: "dense",
  title: "Depth-weighted average",
  cite: { arxiv: "2402.02622", by: "Pagliardini et al. 2024 (DenseFormer), eq. 2" },
  equations: ["y_i = Σ_{j ≤ i} α_ij x_j,  α_i one number a layer below"],
  config: z.strictObject({}),
  dims: (_c, D, { place }) => ({ D, L: place }),
  params: ({ L }) => ({
    ...(L > 1 && {
      weights: vector(L, { kind: "values", fill: () => Array.from({ length: L }, (_, j) => Number(j === L - 1)) }),
    }),
  }),
  forward: (states, { p }) => (p.weights ? depthAverage(states, value(p.weights)) : states.at(-1)!),
});
