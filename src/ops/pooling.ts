/** Pooling over the axes after channels of x [B, C, ...]. */
import { constant, type Tensor } from "../tensor/index.ts";
import { alongAxis } from "./resampling.ts";

/** First and last (exclusive) input position of each window along an axis. */
type Spans = readonly (readonly [start: number, end: number])[];

export interface Window {
  size: number;
  stride: number;
  padding?: number;
  dilation?: number;
  /** Rounds the number of windows up, without one that would start in the right padding. */
  ceil?: boolean;
}

/** Start of every window, counted in the unpadded axis. */
function windowStarts(length: number, { size, stride, padding = 0, dilation = 1, ceil = false }: Window): number[] {
  const room = length + 2 * padding - dilation * (size - 1) - 1;
  const rounded = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
  const count = ceil && (rounded - 1) * stride >= length + padding ? rounded - 1 : rounded;
  return Array.from({ length: count }, (_, i) => i * stride - padding);
}

/** ⌊i·n/m⌋ up to ⌈(i + 1)·n/m⌉: the windows of adaptive pooling. */
export const adaptiveSpans = (length: number, count: number): Spans =>
  Array.from(
    { length: count },
    (_, i) => [Math.floor((i * length) / count), Math.ceil(((i + 1) * length) / count)] as const,
  );

/** Means of windows; padding counts as zeros unless `countPadding` is false. */
export function averagePool(x: Tensor, list: readonly Window[], { countPadding = true } = {}): Tensor {
  return list.reduce((y, window, i) => {
    const length = x.dim(i + 2);
    const { size, padding = 0 } = window;
    const rows = windowStarts(length, window).map((start) => {
      const [from, to] = [Math.max(0, start), Math.min(length, start + size)];
      const divisor = countPadding ? Math.min(start + size, length + padding) - start : to - from;
      return weights(length, from, to, 1 / divisor);
    });
    return alongAxis(y, i + 2, rows);
  }, x);
}

/** Means over windows that cover each axis in `counts` parts. */
export function adaptiveAveragePool(x: Tensor, counts: readonly number[]): Tensor {
  return counts.reduce((y, count, i) => {
    const length = x.dim(i + 2);
    return alongAxis(
      y,
      i + 2,
      adaptiveSpans(length, count).map(([from, to]) => weights(length, from, to, 1 / (to - from))),
    );
  }, x);
}

const weights = (length: number, from: number, to: number, value: number): number[] =>
  Array.from({ length }, (_, i) => (i >= from && i < to ? value : 0));

/** Greatest element of each window, the first one in case of a tie, and its row-major place in the unpadded axes. */
export function maxPool(x: Tensor, list: readonly Window[]): { values: Tensor; indices: Tensor } {
  return maxOver(
    x,
    list.map((window, i) =>
      windowStarts(x.dim(i + 2), window).map((start) =>
        Array.from({ length: window.size }, (_, j) => start + j * (window.dilation ?? 1)).filter(
          (at) => at >= 0 && at < x.dim(i + 2),
        ),
      ),
    ),
  );
}

export function adaptiveMaxPool(x: Tensor, counts: readonly number[]): { values: Tensor; indices: Tensor } {
  return maxOver(
    x,
    counts.map((count, i) =>
      adaptiveSpans(x.dim(i + 2), count).map(([from, to]) => Array.from({ length: to - from }, (_, j) => from + j)),
    ),
  );
}

/** `members[axis][window]` lists the positions of a window; shorter lists repeat their last, which never wins a tie. */
function maxOver(x: Tensor, members: readonly (readonly (readonly number[])[])[]): { values: Tensor; indices: Tensor } {
  const spatial = x.shape.slice(2);
  const cells = members.reduce<number[][]>(
    (outer, windows, axis) =>
      outer.flatMap((base) => windows.map((list) => base.flatMap((at) => list.map((i) => at * spatial[axis]! + i)))),
    [[0]],
  );
  const width = Math.max(...cells.map((cell) => cell.length));
  const places = constant(
    cells.flatMap((cell) => Array.from({ length: width }, (_, i) => cell[Math.min(i, cell.length - 1)]!)),
    [cells.length, width],
    "i32",
  );
  const flat = x.reshape([x.dim(0), x.dim(1), -1]).gather(2, places);
  const best = flat.argmax(-1).unsqueeze(-1);
  const shape = [x.dim(0), x.dim(1), ...members.map((windows) => windows.length)];
  const indices = places.expand(flat.shape).gatherElements(-1, best).reshape(shape);
  return { values: flat.gatherElements(-1, best).reshape(shape), indices };
}
