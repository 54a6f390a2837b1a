/**
 * Pooling over a grid of tokens: the greatest, or the mean, of the real tokens in a window.
 * Axes: B batch, T tokens (the grid row by row), D features, h and w rows and columns.
 */
import { z } from "zod";
import { everyAlong, gridOf, placesAlong, type Sliding, slidingPads, thinned } from "../../ops/index.ts";
import { full, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { columns, reshapeOf, stride } from "./grid-config.ts";

const config = z.strictObject({
  pool: z.enum(["max", "mean"]).default("max").describe("what a window becomes"),
  window: z.int().positive().max(16).default(3).describe("cells a side of the window"),
  stride,
  columns,
});

/** Below every feature. */
const nothing = -1e30;

export const pool2d = defineMixer({
  kind: "pool2d",
  title: "Pooling over a grid",
  cite: { by: "Riesenhuber & Poggio 1999; LeCun et al. 1989", url: "https://doi.org/10.1038/14819" },
  equations: ["y_rs = max or mean of the real x_ij in the window around (rm, sm)   (stride m)"],
  config,
  dims: (_c, D: number) => ({ D }),
  params: () => ({}),
  reads: ["mask_BT", "grid"],
  reshapes: (c, width) => reshapeOf({ stride: c.stride, widen: 1 }, width),
  capabilities: (c) => ({
    flow: c.window === 1 && c.stride === 1 ? "both" : "bidirectional",
    state: "none",
    length: c.stride === 1 ? "any" : "fixed",
    batch: "independent",
    smooth: c.pool === "mean" ? "everywhere" : "away from ties",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, { c, io }) {
    const [batch, tokens, D] = x_BTD.shape as [number, number, number];
    const [h, w] = gridOf(tokens, { grid: io.grid, columns: c.columns });
    const cells = (x: Tensor) => x.pad(1, 0, h * w - tokens).reshape([x.dim(0), h, w, x.dim(2)]);
    const real = cells((io.mask_BT?.cast("f32") ?? full([1, tokens], 1)).unsqueeze(2));
    const sliding = { kernel: c.window, stride: c.stride };
    const x = cells(x_BTD);
    const counts = overWindows(real, sliding, 0, (a, b) => a.add(b));
    const y =
      c.pool === "mean"
        ? overWindows(x.mul(real), sliding, 0, (a, b) => a.add(b)).div(counts.maximum(1))
        : where(
            counts.greater(0),
            overWindows(where(real.greater(0), x, nothing), sliding, nothing, (a, b) => a.maximum(b)),
            0,
          );
    const y_BTD = y.reshape([batch, -1, D]);
    if (c.stride === 1) return { y: y_BTD.slice(1, 0, tokens), s: {} };
    return { y: y_BTD, s: {}, reshaped: thinned({ batch, tokens, grid: [h, w], mask_BT: io.mask_BT }, c.stride) };
  },
});

/** Windows joined cell by cell: x [B, h, w, D], `fill` outside. */
function overWindows(x: Tensor, sliding: Sliding, fill: number, join: (a: Tensor, b: Tensor) => Tensor): Tensor {
  return [1, 2].reduce((along, axis) => {
    const [before, after] = slidingPads(along.dim(axis), sliding);
    const padded = along.pad(axis, before, after, fill);
    const reach = (placesAlong(along.dim(axis), sliding.stride) - 1) * sliding.stride + 1;
    const taps = Array.from({ length: sliding.kernel }, (_, i) =>
      everyAlong(padded.slice(axis, i, i + reach), axis, sliding.stride),
    );
    return taps.reduce(join);
  }, x);
}
