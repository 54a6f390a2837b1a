/**
 * Pooling (PoolFormer): the mean over a window around each token minus the token; it has no parameters.
 * Over a grid (`io.grid`) the window is square. Axes: B batch, T time, D model, H and W rows and columns of the grid.
 */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";

const config = z.strictObject({
  window: z.int().positive().default(3).describe("odd number of tokens in the window, on a grid along either axis"),
});

export const pooling = defineMixer({
  kind: "pooling",
  title: "Pooling (PoolFormer)",
  cite: { arxiv: "2111.11418", by: "Yu et al. 2022" },
  patterns: ["moving-average"],
  equations: ["y_t = mean of x_s over real tokens with |s − t| ≤ (window − 1)/2, minus x_t"],
  config,
  dims: (c, D: number) => ({ D, tokensAndSelf: (c.window + 1) / 2 }),
  params: () => ({}),
  reads: ["mask_BT", "grid"],
  capabilities: ({ window }) => ({
    flow: window === 1 ? "both" : "bidirectional",
    state: "none",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, { c, io }) {
    const [B, T, D] = x_BTD.shape as [number, number, number];
    const [H, W] = io.grid ?? [1, T];
    const real = io.mask_BT ? io.mask_BT.cast("f32").unsqueeze(2) : x_BTD.slice(2, 0, 1).mul(0).add(1);
    const sum = (x: Tensor) => {
      const cells = x.reshape([B, H, W, x.dim(2)]);
      const columns = windowSums(cells, 2, c.window);
      return (H === 1 ? columns : windowSums(columns, 1, c.window)).reshape(x.shape);
    };
    const total = sum(io.mask_BT ? x_BTD.mul(real) : x_BTD);
    return { y: total.div(sum(real).maximum(1)).sub(x_BTD).reshape([B, T, D]), s: {} };
  },
});

/** Sums of `window` neighbours along an axis; outside there is nothing. */
function windowSums(x: Tensor, axis: number, window: number): Tensor {
  const side = (window - 1) / 2;
  const padded = x.pad(axis, side, side);
  const parts = Array.from({ length: window }, (_, j) => padded.slice(axis, j, j + x.dim(axis)));
  return parts.reduce((sum, part) => sum.add(part));
}
