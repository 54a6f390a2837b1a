/**
 * A grid of tokens read along an affine map that depends on all of them: cropped, shifted, scaled or turned as a whole.
 * Axes: B batch, T tokens (the grid row by row), D model, h and w rows and columns, M hidden.
 */
import { z } from "zod";
import { type Grid, gridOf, onlyReal, sampleImage, toImage, toTokens } from "../../ops/index.ts";
import { constant, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type Io } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
import { columns } from "./grid-config.ts";

const config = z.strictObject({
  hidden: z.int().positive().default(32).describe("width of the net that finds the map"),
  freedom: z
    .enum(["affine", "shift"])
    .default("affine")
    .describe("six numbers, or two: the grid may be turned and scaled, or only shifted"),
  columns,
});
type C = z.infer<typeof config>;

export const spatialTransformer = defineMixer({
  kind: "spatial-transformer",
  title: "Spatial transformer",
  cite: { arxiv: "1506.02025", by: "Jaderberg et al. 2015, section 3" },
  patterns: ["data-gating"],
  equations: [
    "δ = W₂ tanh(W₁ mean_t x_t + b₁) + b₂   (6 numbers, or 2; 0 at the start)",
    "y(u) = x(u + δ_A u + δ_b),  u in [−1, 1]² across the grid;  x between cells bilinear, 0 outside",
  ],
  config,
  dims: (c: C, D: number) => ({ D, M: c.hidden, numbers: c.freedom === "affine" ? 6 : 2 }),
  params: ({ D, M, numbers }) => ({
    in: matrix(D, M),
    inBias: bias(M),
    out: matrix(M, numbers, { init: "zeros" }),
    outBias: bias(numbers),
  }),
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT", "grid"],
  // Where the middle is depends on the size of the grid.
  capabilities: {
    flow: "bidirectional",
    state: "none",
    length: "fixed",
    batch: "independent",
    smooth: "away from ties",
    exact: "bitwise",
  },
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const tokens = x_BTD.dim(1);
    const grid = gridOf(tokens, { grid: io.grid, columns: c.columns });
    const hidden = linear(meanToken(x_BTD, io), p.in, p.inBias).tanh();
    const delta_B1N = linear(hidden, p.out, p.outBias);
    const moved = d.numbers === 6 ? delta_B1N : delta_B1N.pad(-1, 4, 0);
    const image = toImage(onlyReal(x_BTD, io.mask_BT), grid);
    const { rows, columns: along } = movedCells(moved, grid);
    const y_BDhw = sampleImage(image, { rows, columns: along }).reshape(image.shape);
    return { y: toTokens(y_BDhw, tokens), s: {} };
  },
});

/** Mean over the real tokens: [B, 1, D]. */
function meanToken(x_BTD: Tensor, { mask_BT }: Io): Tensor {
  const count = mask_BT ? mask_BT.cast("f32").sum(1, true).unsqueeze(2).maximum(1) : x_BTD.dim(1);
  return onlyReal(x_BTD, mask_BT).sum(1, true).div(count);
}

/** Where each cell is read, [B, h·w] each, for delta [B, 1, 6]: down by down, down by along, along by down, along by along, shifts. */
function movedCells(delta_B1N: Tensor, [h, w]: Grid): { rows: Tensor; columns: Tensor } {
  const cells = Array.from({ length: h * w }, (_, i) => [Math.floor(i / w), i % w] as const);
  const along = (axis: 0 | 1, size: number) => ({
    at: constant(
      cells.map((cell) => cell[axis]),
      [1, h * w],
    ),
    middle: constant(
      cells.map((cell) => (2 * cell[axis] + 1) / size - 1),
      [1, h * w],
    ),
    size,
  });
  const [down, across] = [along(0, h), along(1, w)];
  const number = (i: number) => delta_B1N.slice(-1, i, i + 1).squeeze(1);
  const read = (axis: 0 | 1, { at, size }: typeof down) =>
    number(2 * axis)
      .mul(down.middle)
      .add(number(2 * axis + 1).mul(across.middle))
      .add(number(4 + axis))
      .mul(size / 2)
      .add(at);
  return { rows: read(0, down), columns: read(1, across) };
}
