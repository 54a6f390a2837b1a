/**
 * Tokens that stand for the cells of a grid, row by row, and windows that slide over it.
 * Axes: B batch, T tokens, D features, h and w rows and columns of the grid.
 */
import { conv, fail, full, type Tensor } from "../tensor/index.ts";

export type Grid = readonly [height: number, width: number];

/** The grid of T tokens: the given one, or rows of `columns` cells of which the last may be short. Throws E_GRID where they do not fit. */
export function gridOf(tokens: number, { grid, columns }: { grid?: Grid | undefined; columns: number }): Grid {
  if (grid === undefined) return [Math.ceil(tokens / columns), columns];
  if (grid[0] * grid[1] === tokens) return grid;
  return fail({
    code: "E_GRID",
    where: "tokens of a grid",
    expected: `${grid[0]} × ${grid[1]} = ${grid[0] * grid[1]} of them`,
    got: String(tokens),
    hint: "Class tokens have no place in a grid: pool by mean instead.",
  });
}

/** [B, T, D] → [B, D, h, w]; cells behind the last token hold zeros. */
export function toImage(x_BTD: Tensor, [h, w]: Grid): Tensor {
  const [B, T, D] = x_BTD.shape as [number, number, number];
  const cells = T === h * w ? x_BTD : x_BTD.pad(1, 0, h * w - T);
  return cells.reshape([B, h, w, D]).transpose([0, 3, 1, 2]);
}

/** [B, D, h, w] → [B, T, D]: the first `tokens` cells, all if absent. */
export function toTokens(x_BDhw: Tensor, tokens?: number): Tensor {
  const [B, D, h, w] = x_BDhw.shape as [number, number, number, number];
  const cells = x_BDhw.transpose([0, 2, 3, 1]).reshape([B, h * w, D]);
  return tokens === undefined || tokens === h * w ? cells : cells.slice(1, 0, tokens);
}

/** Tokens that are not real as zeros. */
export const onlyReal = (x_BTD: Tensor, mask_BT: Tensor | undefined): Tensor =>
  mask_BT ? x_BTD.mul(mask_BT.cast("f32").unsqueeze(2)) : x_BTD;

/** A square window that moves over a grid. */
export interface Sliding {
  /** Cells a side. */
  kernel: number;
  stride: number;
  dilation?: number;
}

/** ⌈size / stride⌉: places of a window along an axis of a grid. */
export const placesAlong = (size: number, stride: number): number => Math.ceil(size / stride);

/** Cells added before and after an axis, so that windows lie around every `stride`-th cell (an even one a step ahead of it). */
export function slidingPads(size: number, { kernel, stride, dilation = 1 }: Sliding): [before: number, after: number] {
  const reach = dilation * (kernel - 1) + 1;
  const before = Math.max(0, Math.ceil((reach - stride) / 2));
  return [before, Math.max(0, (placesAlong(size, stride) - 1) * stride + reach - size - before)];
}

/** Convolution of an image with zeros around it: x [B, I, h, w], kernel [O, I/groups, k, k] → [B, O, ⌈h/stride⌉, ⌈w/stride⌉]. */
export function convolveImage(
  x_BIhw: Tensor,
  kernel: Tensor,
  { stride = 1, dilation = 1, groups = 1 }: { stride?: number; dilation?: number; groups?: number } = {},
): Tensor {
  const sliding = { kernel: kernel.dim(2), stride, dilation };
  const [rows, columns] = [slidingPads(x_BIhw.dim(2), sliding), slidingPads(x_BIhw.dim(3), sliding)];
  return conv(x_BIhw, kernel, {
    strides: [stride, stride],
    dilations: [dilation, dilation],
    pads: [
      [rows[0], columns[0]],
      [rows[1], columns[1]],
    ],
    groups,
  });
}

/** Every `stride`-th slice along an axis, the first one among them. */
export function everyAlong(x: Tensor, axis: number, stride: number): Tensor {
  if (stride === 1) return x;
  const places = placesAlong(x.dim(axis), stride);
  const whole = x.pad(axis, 0, places * stride - x.dim(axis));
  const parts = whole.reshape([...x.shape.slice(0, axis), places, stride, ...x.shape.slice(axis + 1)]);
  return parts.slice(axis + 1, 0, 1).squeeze(axis + 1);
}

/** Every `stride`-th cell of every `stride`-th row of [B, h, w, ...]. */
export const everyCell = (x_Bhw: Tensor, stride: number): Tensor => everyAlong(everyAlong(x_Bhw, 1, stride), 2, stride);

/** Every cell `factor` times along both axes: [B, D, h, w] → [B, D, h·factor, w·factor]. */
export function repeatCells(x_BDhw: Tensor, factor: number): Tensor {
  const [B, D, h, w] = x_BDhw.shape as [number, number, number, number];
  return x_BDhw
    .reshape([B, D, h, 1, w, 1])
    .expand([B, D, h, factor, w, factor])
    .reshape([B, D, h * factor, w * factor]);
}

/** What a window or a repetition has made of a grid of tokens: which cells there now are, and which of them are real. */
export interface Regrid {
  from: Grid;
  grid: Grid;
  /** Cells of `from` a cell of `grid` along one axis: 2 where every second is left, 1/2 where each became 2 · 2. */
  stride: number;
  /** bool [B, T] of the new tokens; absent: all. */
  mask_BT?: Tensor;
}

interface GridTokens {
  grid: Grid;
  batch: number;
  tokens: number;
  mask_BT?: Tensor | undefined;
}

/** f32 [B, h, w]; undefined where every cell is a real token. */
function realCells({ grid: [h, w], batch, tokens, mask_BT }: GridTokens): Tensor | undefined {
  if (mask_BT === undefined && tokens === h * w) return undefined;
  const real_BT = mask_BT?.cast("f32") ?? full([batch, tokens], 1);
  return real_BT.pad(1, 0, h * w - tokens).reshape([batch, h, w]);
}

function regrid(cells: Omit<Regrid, "mask_BT">, real_Bhw: Tensor | undefined): Regrid {
  if (real_Bhw === undefined) return cells;
  const { grid } = cells;
  return { ...cells, mask_BT: real_Bhw.reshape([real_Bhw.dim(0), grid[0] * grid[1]]).greater(0) };
}

/** The grid of every `stride`-th cell. */
export function thinned(at: GridTokens, stride: number): Regrid {
  const real = realCells(at);
  const [h, w] = at.grid;
  const grid = [placesAlong(h, stride), placesAlong(w, stride)] as const;
  return regrid({ from: at.grid, grid, stride }, real && everyCell(real, stride));
}

/** The grid in which every cell has become `factor` · `factor` ones. */
export function spread(at: GridTokens, factor: number): Regrid {
  const real = realCells(at);
  const [h, w] = at.grid;
  const grid = [h * factor, w * factor] as const;
  return regrid({ from: at.grid, grid, stride: 1 / factor }, real && repeatCells(real.unsqueeze(1), factor));
}
