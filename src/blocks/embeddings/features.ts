import { z } from "zod";
import { convolveImage, gridOf, onlyReal, toImage, toTokens } from "../../ops/index.ts";
import { concat, fail, type Tensor } from "../../tensor/index.ts";
import { defineEmbedding } from "../define.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";

/** Vectors of measurements, patches or frames instead of ids: x [B, T, F] → [B, T, D], behind a learned token where asked for. */
export const features = defineEmbedding({
  kind: "features",
  title: "Linear embedding of vectors",
  cite: { arxiv: "2010.11929", by: "Dosovitskiy et al. 2020" },
  equations: [
    "x_t = f_t·W + b",
    "x_rs = Σ_ij f_(r+i−a, s+j−a)·W_ij + b  (kernel over a grid)",
    "x = [c; x_1; …; x_T]  (class token)",
  ],
  config: z.strictObject({
    size: z.int().positive().default(1).describe("F, numbers a token"),
    grid: z
      .tuple([z.int().positive(), z.int().positive()])
      .optional()
      .describe("rows and columns of the picture whose cells the tokens are, row by row; left out: no picture"),
    kernel: z
      .int()
      .positive()
      .max(63)
      .default(1)
      .describe("cells a side that a token is made of, its own in the middle (a convolution, zeros outside the grid)"),
    bias: z.boolean().default(true).describe("add a learned offset"),
    classToken: z.boolean().default(false).describe("put a learned token in front, for heads that read the first"),
  }),
  dims(c, D) {
    if (c.kernel > 1 && c.grid === undefined)
      fail({
        code: "E_GRID",
        where: "embedding.kernel",
        expected: "a grid, over which it moves",
        got: `kernel ${c.kernel} without one`,
        hint: 'Add "grid": [rows, columns].',
      });
    return { F: c.size, D, taps: c.kernel ** 2 };
  },
  features: (c) => c.size,
  grid: (c) => c.grid,
  extraTokens: (c) => (c.classToken ? 1 : 0),
  params: ({ F, D, taps }, c) => ({
    project: matrix(taps * F, D),
    ...(c.bias && { bias: bias(D) }),
    ...(c.classToken && { classToken: vector(D, { kind: "normal", std: 0.02 }) }),
  }),
  forward(x_BTF, { c, d, p, io }) {
    const x_BTD = c.kernel === 1 ? linear(x_BTF, p.project, p.bias) : convolved(onlyReal(x_BTF, io.mask_BT), c, p);
    if (p.classToken === undefined) return x_BTD;
    const first = value(p.classToken)
      .reshape([1, 1, d.D])
      .expand([x_BTF.dim(0), 1, d.D]);
    return concat(1, [first, x_BTD]);
  },
});

/** `project` holds the taps of the kernel row by row, each F × D. */
function convolved(
  x_BTF: Tensor,
  { kernel, grid }: { kernel: number; grid?: readonly [number, number] | undefined },
  { project, bias: offset }: { project: Weight; bias?: Weight },
): Tensor {
  const image = toImage(x_BTF, gridOf(x_BTF.dim(1), { grid, columns: 1 }));
  const taps = value(project)
    .reshape([kernel, kernel, x_BTF.dim(2), -1])
    .transpose([3, 2, 0, 1]);
  const x_BTD = toTokens(convolveImage(image, taps));
  return offset ? x_BTD.add(value(offset)) : x_BTD;
}
