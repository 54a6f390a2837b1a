/**
 * Images read between their cells, and convolutions whose taps move.
 * Axes: B batch, D features, h and w rows and columns, N places, I and O features of input and output.
 */
import { apply1, constant, type Tensor } from "../tensor/index.ts";
import { clamp } from "./elementary.ts";
import { placesAlong, slidingPads } from "./token-grid.ts";

/** Where an image is read, in cells: f32 [B or 1, N] each. */
export interface Places {
  rows: Tensor;
  columns: Tensor;
}

/**
 * Bilinear reading, zeros outside: x [B, D, h, w] → [B, D, N]. Gradients flow to the image and to the places, which have kinks
 * on the cells. Jaderberg et al. 2015, eq. 5.
 */
export function sampleImage(x_BDhw: Tensor, { rows, columns }: Places): Tensor {
  const [batch, D, h, w] = x_BDhw.shape as [number, number, number, number];
  const cells = x_BDhw.reshape([batch, D, h * w]);
  const [down, along] = [neighbours(rows, h), neighbours(columns, w)];
  const corners = down.flatMap((y) => along.map((x) => ({ y, x })));
  return corners
    .map(({ y, x }) => {
      const index = y.cell.mul(w).add(x.cell).unsqueeze(1);
      const read = cells.gatherElements(2, index.expand([batch, D, index.dim(2)]));
      return read.mul(y.share.mul(x.share).unsqueeze(1));
    })
    .reduce((sum, next) => sum.add(next));
}

/** The cells on both sides of each place along an axis (i32, within it), and their shares of it: 0 outside. */
function neighbours(at: Tensor, size: number): { cell: Tensor; share: Tensor }[] {
  const before = apply1("floor", [at.stopGradient()], {});
  const after = at.sub(before);
  return [0, 1].map((step) => {
    const cell = before.add(step);
    const inside = cell.greaterEqual(0).and(cell.less(size)).cast("f32");
    const share = step === 0 ? after.neg().add(1) : after;
    return { cell: clamp(cell, { min: 0, max: size - 1 }).cast("i32"), share: share.mul(inside) };
  });
}

export interface Deformed {
  /** By how many cells each tap of each window moves: [B, k²·2, h', w'], taps row by row, down before along. */
  offsets: Tensor;
  /** Factors on what the taps read, [B, k², h', w']; default: none (Zhu et al. 2019). */
  factors?: Tensor | undefined;
  stride?: number;
}

/**
 * Convolution whose taps read where `offsets` move them, bilinearly, with zeros around the image: x [B, I, h, w],
 * kernel [O, I, k, k] → [B, O, ⌈h/stride⌉, ⌈w/stride⌉]. Dai et al. 2017, eq. 2–4.
 */
export function convolveDeformed(x_BIhw: Tensor, kernel: Tensor, { offsets, factors, stride = 1 }: Deformed): Tensor {
  const [batch, I, h, w] = x_BIhw.shape as [number, number, number, number];
  const [O, k] = [kernel.dim(0), kernel.dim(2)];
  const taps = k * k;
  const size = [placesAlong(h, stride), placesAlong(w, stride)] as const;
  const moved = offsets.reshape([batch, taps, 2, size[0] * size[1]]);
  const starts = (axis: 0 | 1) => startsOf([h, w], { kernel: k, stride }, axis);
  const at = (axis: 0 | 1) =>
    moved
      .slice(2, axis, axis + 1)
      .squeeze(2)
      .add(starts(axis))
      .reshape([batch, -1]);
  const read = sampleImage(x_BIhw, { rows: at(0), columns: at(1) }).reshape([batch, I, taps, -1]);
  const weighed = factors ? read.mul(factors.reshape([batch, 1, taps, -1])) : read;
  const columns = weighed.reshape([batch, I * taps, -1]);
  return kernel
    .reshape([O, I * taps])
    .matmul(columns)
    .reshape([batch, O, ...size]);
}

/** Where the taps are before they move, along one axis: [k², places]. */
function startsOf(size: readonly [number, number], sliding: { kernel: number; stride: number }, axis: 0 | 1): Tensor {
  const { kernel, stride } = sliding;
  const [rows, columns] = [placesAlong(size[0], stride), placesAlong(size[1], stride)];
  const [before] = slidingPads(size[axis], sliding);
  const values = Array.from({ length: kernel ** 2 * rows * columns }, (_, i) => {
    const [tap, place] = [Math.floor(i / (rows * columns)), i % (rows * columns)];
    const [steps, of] =
      axis === 0 ? [Math.floor(place / columns), Math.floor(tap / kernel)] : [place % columns, tap % kernel];
    return steps * stride + of - before;
  });
  return constant(values, [kernel ** 2, rows * columns]);
}
