/** Rearrangements composed of the vocabulary. */
import { apply1, concat, constant, conv, convSize, sizeOf, type Tensor } from "../tensor/index.ts";

type PadMode = "reflect" | "replicate" | "circular";

/** Pads one axis with its own elements: mirrored without the edge, the edge repeated, or from the other end. */
export function padWithin(x: Tensor, axis: number, before: number, after: number, mode: PadMode): Tensor {
  const size = x.dim(axis);
  const source: Record<PadMode, (i: number) => number> = {
    reflect: (i) => (i < 0 ? -i : i >= size ? 2 * size - 2 - i : i),
    replicate: (i) => Math.min(size - 1, Math.max(0, i)),
    circular: (i) => (i + size) % size,
  };
  return pick(
    x,
    axis,
    Array.from({ length: size + before + after }, (_, i) => source[mode](i - before)),
  );
}

/** Pads one axis with a value; negative amounts crop. */
export function padOrCrop(x: Tensor, axis: number, before: number, after: number, value = 0): Tensor {
  const cropped = x.slice(axis, Math.max(0, -before), x.dim(axis) - Math.max(0, -after));
  return cropped.pad(axis, Math.max(0, before), Math.max(0, after), value);
}

/** Elements of an axis in the order of a list. */
export const pick = (x: Tensor, axis: number, list: readonly number[]): Tensor =>
  x.gather(axis, constant(list, [list.length], "i32"));

/** y[i] = x[(i − shift) mod n]. */
export function roll(x: Tensor, axis: number, shift: number): Tensor {
  const size = x.dim(axis);
  const cut = ((-shift % size) + size) % size;
  return cut === 0 ? x : concat(axis, [x.slice(axis, cut), x.slice(axis, 0, cut)]);
}

/** Repeats the whole tensor along each axis; a longer list adds leading axes. */
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  const shape = [...new Array<number>(Math.max(0, repeats.length - x.rank)).fill(1), ...x.shape];
  const spread = x.reshape(shape.flatMap((dim) => [1, dim])).expand(shape.flatMap((dim, i) => [repeats[i]!, dim]));
  return spread.reshape(shape.map((dim, i) => dim * repeats[i]!));
}

/** Each slice of an axis follows itself as often as `repeats` says, for all or one by one. */
export function repeatEach(x: Tensor, axis: number, repeats: number | readonly number[]): Tensor {
  const times = (i: number) => (typeof repeats === "number" ? repeats : repeats[i]!);
  return pick(x, axis, Array.from({ length: x.dim(axis) }, (_, i) => new Array<number>(times(i)).fill(i)).flat());
}

/** Sliding windows along an axis, which becomes their number; their elements follow as the axis after it. */
export function windows(
  x: Tensor,
  axis: number,
  { size, step = 1, dilation = 1 }: { size: number; step?: number; dilation?: number },
): Tensor {
  const count = Math.floor((x.dim(axis) - dilation * (size - 1) - 1) / step) + 1;
  const starts = Array.from({ length: count }, (_, i) => i * step);
  const index = starts.flatMap((start) => Array.from({ length: size }, (_, j) => start + j * dilation));
  return x.gather(axis, constant(index, [count, size], "i32"));
}

/** [B, C·r², H, W] → [B, C, H·r, W·r]. Shi et al. 2016. */
export function pixelShuffle(x: Tensor, r: number): Tensor {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const cells = x.reshape([batch, channels / r ** 2, r, r, height, width]).transpose([0, 1, 4, 2, 5, 3]);
  return cells.reshape([batch, channels / r ** 2, height * r, width * r]);
}

/** The way back of {@link pixelShuffle}: [B, C, H·r, W·r] → [B, C·r², H, W]. */
export function pixelUnshuffle(x: Tensor, r: number): Tensor {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const cells = x.reshape([batch, channels, height / r, r, width / r, r]).transpose([0, 1, 3, 5, 2, 4]);
  return cells.reshape([batch, channels * r ** 2, height / r, width / r]);
}

export interface Patches {
  kernel: readonly number[];
  strides: number[];
  dilations: number[];
  padding: number[];
}

/** One kernel per channel and position of the window, which copies that position: [C·k, 1, ...kernel]. */
function copyingKernels(channels: number, kernel: readonly number[]): Tensor {
  const size = sizeOf(kernel);
  const values = Array.from({ length: channels * size * size }, (_, i) =>
    Math.floor(i / size) % size === i % size ? 1 : 0,
  );
  return constant(values, [channels * size, 1, ...kernel]);
}

/** Windows of x [B, C, ...] as columns [B, C·k, positions]: channel slowest, then the place in the window. */
export function unfold(x: Tensor, { kernel, strides, dilations, padding }: Patches): Tensor {
  const [batch, channels] = [x.dim(0), x.dim(1)];
  const columns = conv(x, copyingKernels(channels, kernel), {
    strides,
    dilations,
    pads: [padding, padding],
    groups: channels,
  });
  return columns.reshape([batch, channels * sizeOf(kernel), -1]);
}

/** The adjoint of {@link unfold}: overlapping positions add up in a tensor of this spatial size. */
export function fold(
  columns: Tensor,
  size: readonly number[],
  { kernel, strides, dilations, padding }: Patches,
): Tensor {
  const channels = columns.dim(1) / sizeOf(kernel);
  const counts = size.map((dim, i) => convSize(dim, kernel[i]!, strides[i]!, dilations[i]!, 2 * padding[i]!));
  const attrs = { strides, dilations, pads: [padding, padding] as const, groups: channels, output: size };
  return apply1(
    "convTranspose",
    [columns.reshape([columns.dim(0), columns.dim(1), ...counts]), copyingKernels(channels, kernel)],
    attrs,
  );
}
