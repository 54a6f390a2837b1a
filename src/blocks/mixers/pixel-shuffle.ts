/**
 * Depth to space over a grid of tokens: features become cells, or cells features, with a linear map where features are most.
 * Axes: B batch, T tokens (the grid row by row), I and O features of input and output, r cells a side.
 */
import { z } from "zod";
import {
  type Grid,
  gridOf,
  onlyReal,
  pixelShuffle as shuffle,
  spread,
  thinned,
  toImage,
  toTokens,
  pixelUnshuffle as unshuffle,
} from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
import { columns, widen, widened } from "./grid-config.ts";

const config = z.strictObject({
  factor: z.int().positive().max(16).default(1).describe("cells a side that each cell becomes, or that become one"),
  direction: z
    .enum(["up", "down"])
    .default("up")
    .describe("up: a finer grid; down: a coarser one, nothing lost before the map"),
  widen,
  bias: z.boolean().default(true).describe("add a learned offset per feature"),
  columns,
});
type C = z.infer<typeof config>;

/** `from` and `to` are the features before and behind the map. */
function dims(c: C, I: number) {
  const [O, cells] = [widened(I, c.widen), c.factor ** 2];
  return c.direction === "up" ? { I, O, from: I, to: O * cells } : { I, O, from: I * cells, to: O };
}

export const pixelShuffle = defineMixer({
  kind: "pixel-shuffle",
  title: "Depth to space (pixel shuffle)",
  cite: { arxiv: "1609.05158", by: "Shi et al. 2016, section 2.2" },
  equations: [
    "up: y_(ri + a, rj + b), o = (W x_ij + c)_(o r² + a r + b)   (a, b = 0 … r − 1)",
    "down: y_ij = W [x_(ri + a, rj + b), o]_(o r² + a r + b) + c",
  ],
  config,
  dims,
  params: ({ from, to }, c) => ({ map: matrix(from, to), ...(c.bias && { bias: bias(to) }) }),
  reads: ["mask_BT", "grid"],
  reshapes: (c, width) =>
    c.factor === 1 && c.widen === 1
      ? undefined
      : { width: widened(width, c.widen), stride: c.direction === "up" ? 1 / c.factor : c.factor },
  capabilities: (c) => ({
    // Going up, each cell stays within its own.
    flow: c.direction === "up" || c.factor === 1 ? "both" : "bidirectional",
    state: "none",
    length: c.factor === 1 ? "any" : "fixed",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTI, { c, p, io }) {
    const [batch, tokens] = [x_BTI.dim(0), x_BTI.dim(1)];
    const at = { batch, tokens, grid: gridOf(tokens, { grid: io.grid, columns: c.columns }), mask_BT: io.mask_BT };
    const mapped = (x: Tensor) => linear(x, p.map, p.bias);
    if (c.factor === 1) return { y: mapped(x_BTI), s: {} };
    if (c.direction === "up") {
      const image = toImage(mapped(x_BTI), at.grid);
      return { y: toTokens(shuffle(image, c.factor)), s: {}, reshaped: spread(at, c.factor) };
    }
    const image = wholeCells(toImage(onlyReal(x_BTI, io.mask_BT), at.grid), at.grid, c.factor);
    return { y: mapped(toTokens(unshuffle(image, c.factor))), s: {}, reshaped: thinned(at, c.factor) };
  },
});

/** Zeros behind the last rows and columns, up to a multiple of the factor. */
const wholeCells = (image: Tensor, [h, w]: Grid, factor: number): Tensor =>
  image.pad(2, 0, h % factor === 0 ? 0 : factor - (h % factor)).pad(3, 0, w % factor === 0 ? 0 : factor - (w % factor));
