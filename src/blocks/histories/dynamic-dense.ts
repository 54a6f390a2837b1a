import { z } from "zod";
import { depthAverage, dynamicDepthWeights } from "../../ops/index.ts";
import { defineHistory } from "../define.ts";
import { matrix, vector } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** A weighted sum of the embedding and all layers below whose weights each token chooses (one stream of MUDDFormer's four). */
export const dynamicDense = defineHistory({
  kind: "dynamic-dense",
  title: "Dynamic depth-weighted average",
  cite: { arxiv: "2502.12170", by: "Xiao et al. 2025 (MUDDFormer), eq. 5 and 6" },
  patterns: ["data-gating"],
  equations: ["y_i = Σ_{j ≤ i} a_ij(x_i) x_j,  a_i(x) = gelu(rms(x) W₁) W₂ + α_i"],
  config: z.strictObject({
    hidden: z.int().positive().optional().describe("width of the net that makes the weights (default: states below)"),
  }),
  dims: (c, D, { place }) => ({ D, L: place, M: c.hidden ?? place }),
  params: ({ D, L, M }) => ({
    ...(L > 1 && {
      down: matrix(D, M),
      up: matrix(M, L, { init: "zeros" }),
      fixed: vector(L, { kind: "values", fill: () => Array.from({ length: L }, (_, j) => Number(j === L - 1)) }),
    }),
  }),
  forward(states, { p }) {
    const x = states.at(-1)!;
    if (!p.down) return x;
    const weights = { down: value(p.down), up: value(p.up!), fixed: value(p.fixed!) };
    return depthAverage(states, dynamicDepthWeights(x, weights));
  },
});
