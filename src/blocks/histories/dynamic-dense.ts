import { z } from "zod";
import { depthAverage, dynamicDepthWeights } from "../../ops/index.ts";
import { defineHistory, type HistoryPlace } from "../define.ts";
import { matrix, vector } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

const config = z.strictObject({
  streams: z
    .enum(["one", "qkvr"])
    .default("one")
    .describe(
      "one: a sum for all that a layer reads; qkvr: sums of their own for queries, keys, values and the residual stream",
    ),
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("width of the net that makes the weights (default: states below, times four with qkvr)"),
});
type C = z.infer<typeof config>;

/** L states, S sums of them: behind the last layer there is one. */
function dims(c: C, D: number, { place, depth }: HistoryPlace) {
  const ways = c.streams === "qkvr" ? 4 : 1;
  return { D, L: place, S: place > depth ? 1 : ways, M: c.hidden ?? ways * place };
}

/** Weighted sums of the embedding and all layers below whose weights each token chooses (MUDDFormer). */
export const dynamicDense = defineHistory({
  kind: "dynamic-dense",
  title: "Dynamic depth-weighted average",
  cite: { arxiv: "2502.12170", by: "Xiao et al. 2025 (MUDDFormer), eq. 5 and 6" },
  patterns: ["data-gating"],
  equations: ["y_i = Σ_{j ≤ i} a_ij(x_i) x_j,  a_i(x) = gelu(rms(x) W₁) W₂ + α_i   (of each stream)"],
  config,
  dims,
  params: ({ D, L, S, M }) => ({
    ...(L > 1 && {
      down: matrix(D, M),
      up: matrix(M, S * L, { init: "zeros" }),
      fixed: vector(S * L, {
        kind: "values",
        fill: () => Array.from({ length: S * L }, (_, j) => Number(j % L === L - 1)),
      }),
    }),
  }),
  ways: (c) => c.streams === "qkvr",
  forward(states, { d: { L, S }, p }) {
    const x = states.at(-1)!;
    if (!p.down) return x;
    const weights = dynamicDepthWeights(x, { down: value(p.down), up: value(p.up!), fixed: value(p.fixed!) });
    const sums = weights.split(-1, new Array<number>(S).fill(L)).map((own) => depthAverage(states, own));
    const [queries, keys, values, stream] = sums;
    return S === 1 ? sums[0]! : { stream: stream!, ways: { queries: queries!, keys: keys!, values: values! } };
  },
});
