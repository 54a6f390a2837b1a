/** Linear maps along single axes: resizing of signals and images. */
import { apply1, constant, type Tensor, where } from "../tensor/index.ts";
import { clamp } from "./elementary.ts";

/** y = M·x along one axis, M given by its rows. */
export function alongAxis(x: Tensor, axis: number, rows: readonly (readonly number[])[]): Tensor {
  const matrix = constant(rows.flat(), [rows.length, x.dim(axis)]);
  return x.swap(axis, -1).matmul(matrix, { transB: true }).swap(axis, -1);
}

export type ResizeMode = "nearest" | "nearest-exact" | "linear" | "cubic";

export interface Resize {
  /** Length after resizing. */
  length: number;
  mode: ResizeMode;
  /** Input steps per output step; by default the ratio of the lengths. */
  ratio?: number;
  /** The first and last elements of both sides meet. */
  corners?: boolean;
  /** Widens the triangle (or cubic) when shrinking. */
  antialias?: boolean;
}

/** Resizes one axis; edges are repeated. */
export const resize = (x: Tensor, axis: number, options: Resize): Tensor =>
  alongAxis(
    x,
    axis,
    Array.from({ length: options.length }, (_, i) => resizeRow(x.dim(axis), i, options)),
  );

function resizeRow(
  size: number,
  i: number,
  { length, mode, ratio = size / length, corners = false, antialias = false }: Resize,
): number[] {
  if (mode === "nearest") return spike(size, Math.floor(i * ratio));
  if (mode === "nearest-exact") return spike(size, Math.floor((i + 0.5) * ratio));
  const centre = corners ? (length > 1 ? (i * (size - 1)) / (length - 1) : 0) : (i + 0.5) * ratio - 0.5;
  if (antialias) return windowed(size, centre, Math.max(1, ratio), mode);
  return interpolated(size, mode === "linear" ? Math.max(0, centre) : centre, mode);
}

function spike(size: number, at: number): number[] {
  return Array.from({ length: size }, (_, i) => (i === Math.min(at, size - 1) ? 1 : 0));
}

/** Kernel weights of the neighbours, those beyond an edge added to the edge. */
function interpolated(size: number, centre: number, mode: ResizeMode): number[] {
  const row = new Array<number>(size).fill(0);
  const first = Math.floor(centre);
  for (let at = first - 1; at <= first + 2; at++)
    row[Math.min(size - 1, Math.max(0, at))]! += kernel(at - centre, mode, -0.75);
  return row;
}

/** Kernel stretched by `scale`, cut at the edges and normalised. */
function windowed(size: number, centre: number, scale: number, mode: ResizeMode): number[] {
  const row = Array.from({ length: size }, (_, at) => kernel((at - centre) / scale, mode, -0.5));
  const total = row.reduce((sum, weight) => sum + weight, 0);
  return row.map((weight) => weight / total);
}

/** Triangle, or the cubic of Keys 1981 with parameter a. */
function kernel(distance: number, mode: ResizeMode, a: number): number {
  const d = Math.abs(distance);
  if (mode === "linear") return Math.max(0, 1 - d);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? a * (((d - 5) * d + 8) * d - 4) : 0;
}

interface GridOptions {
  /** What lies outside: zeros, or the border. */
  outside?: "zeros" | "border";
  corners?: boolean;
}

/** Bilinear samples of x [B, C, H, W] at points [B, h, w, 2] = (x, y) in [−1, 1]. Jaderberg et al. 2015, eq. 5. */
export function gridSample(x: Tensor, grid: Tensor, { outside = "zeros", corners = false }: GridOptions = {}): Tensor {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [, rows, columns] = grid.shape as [number, number, number, number];
  const place = (axis: number, size: number) => {
    const g = grid.at(-1, axis).reshape([batch, 1, rows * columns]);
    const pixel = corners ? g.add(1).mul((size - 1) / 2) : g.add(1).mul(size).sub(1).mul(0.5);
    return outside === "border" ? clamp(pixel, { min: 0, max: size - 1 }) : pixel;
  };
  const [px, py] = [place(0, width), place(1, height)];
  const flat = x.reshape([batch, channels, height * width]);
  const corner = (dx: number, dy: number) => {
    const [ax, ay] = [neighbour(px, dx, width), neighbour(py, dy, height)];
    const index = ay.index
      .mul(width)
      .add(ax.index)
      .expand([batch, channels, rows * columns]);
    return flat.gatherElements(2, index).mul(ax.weight.mul(ay.weight));
  };
  const sum = corner(0, 0).add(corner(1, 0)).add(corner(0, 1)).add(corner(1, 1));
  return sum.reshape([batch, channels, rows, columns]);
}

/** The neighbour below (0) or above (1) a position, and its weight, 0 outside. */
function neighbour(position: Tensor, side: number, size: number): { index: Tensor; weight: Tensor } {
  const floor = apply1("floor", [position], {});
  const at = floor.add(side);
  const fraction = position.sub(floor);
  const inside = at.greaterEqual(0).and(at.lessEqual(size - 1));
  return {
    index: at
      .maximum(0)
      .minimum(size - 1)
      .cast("i32"),
    weight: where(inside, side === 1 ? fraction : fraction.neg().add(1), 0),
  };
}
