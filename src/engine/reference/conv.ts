import { type Node, type OpAttrs, type Shape, sizeOf, stridesOf } from "../../tensor/index.ts";
import type { Kernel } from "./kernel.ts";
import { planWalk, type Walk } from "./walk.ts";

/** Sizes of the image side (x) and of the feature side (y) of a convolution, and of its kernel. */
interface Sides {
  x: Shape;
  y: Shape;
  kernel: Shape;
}

type Geometry = Pick<OpAttrs["conv"], "strides" | "dilations" | "pads">;

/** For each kernel position the loop over the outputs whose input lies inside: operands are image and features. */
function planTaps({ x, y, kernel }: Sides, { strides, dilations, pads }: Geometry): Walk[] {
  const steps = stridesOf(kernel);
  return Array.from({ length: sizeOf(kernel) }, (_, tap) => {
    const spans = kernel.map((size, axis) => {
      const offset = (Math.floor(tap / steps[axis]!) % size) * dilations[axis]! - pads[0][axis]!;
      const first = Math.max(0, Math.ceil(-offset / strides[axis]!));
      const end = Math.min(y[axis]!, Math.floor((x[axis]! - 1 - offset) / strides[axis]!) + 1);
      return { first, length: Math.max(0, end - first), from: first * strides[axis]! + offset };
    });
    const [xs, ys] = [stridesOf(x), stridesOf(y)];
    return planWalk(
      spans.map((span) => span.length),
      [xs.map((stride, axis) => stride * strides[axis]!), ys],
      [
        spans.reduce((sum, { from }, axis) => sum + from * xs[axis]!, 0),
        spans.reduce((sum, { first }, axis) => sum + first * ys[axis]!, 0),
      ],
    );
  });
}

interface Pass {
  sides: Sides;
  geometry: Geometry;
  batch: number;
  outputs: number;
  channels: number;
  groups: number;
  /** Adds one kernel element's share over its loop. */
  accumulate(walk: Walk, weight: number, imageStart: number, featureStart: number): void;
}

/** Visits (batch, output channel, input channel of its group, kernel position). */
function convolve(
  w: Float64Array,
  taps: readonly Walk[],
  { sides, batch, outputs, channels, groups, accumulate }: Pass,
): void {
  const [image, features] = [sizeOf(sides.x), sizeOf(sides.y)];
  const perGroup = outputs / groups;
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < channels; c++) {
        const from = (b * channels * groups + Math.floor(o / perGroup) * channels + c) * image;
        const to = (b * outputs + o) * features;
        for (let tap = 0; tap < taps.length; tap++)
          accumulate(taps[tap]!, w[(o * channels + c) * taps.length + tap]!, from, to);
      }
}

export function convKernel({ inputs: [x, w], outputs: [y], attrs }: Node<"conv">): Kernel {
  const sides = { x: x!.shape.slice(2), y: y!.shape.slice(2), kernel: w!.shape.slice(2) };
  const sizes = {
    sides,
    geometry: attrs,
    batch: x!.dim(0),
    outputs: w!.dim(0),
    channels: w!.dim(1),
    groups: attrs.groups,
  };
  const taps = planTaps(sides, attrs);
  return ([image, weights]) => {
    const out = new Float64Array(y!.size);
    const accumulate: Pass["accumulate"] = ({ each, length, steps }, weight, from, to) =>
      each(([i, j]) => {
        for (let n = 0; n < length; n++) out[to + j! + n * steps[1]!]! += weight * image![from + i! + n * steps[0]!]!;
      });
    convolve(weights!, taps, { ...sizes, accumulate });
    return [out];
  };
}

/** The adjoint of `conv` in its image: the same loops, written the other way. */
export function convTransposeKernel({ inputs: [g, w], outputs: [x], attrs }: Node<"convTranspose">): Kernel {
  const sides = { x: attrs.output, y: g!.shape.slice(2), kernel: w!.shape.slice(2) };
  const sizes = {
    sides,
    geometry: attrs,
    batch: g!.dim(0),
    outputs: w!.dim(0),
    channels: w!.dim(1),
    groups: attrs.groups,
  };
  const taps = planTaps(sides, attrs);
  return ([features, weights]) => {
    const out = new Float64Array(x!.size);
    const accumulate: Pass["accumulate"] = ({ each, length, steps }, weight, from, to) =>
      each(([i, j]) => {
        for (let n = 0; n < length; n++)
          out[from + i! + n * steps[0]!]! += weight * features![to + j! + n * steps[1]!]!;
      });
    convolve(weights!, taps, { ...sizes, accumulate });
    return [out];
  };
}
