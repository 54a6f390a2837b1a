import { type Node, type Shape, sizeOf, stridesOf, type Tensor } from "../../tensor/index.ts";
import type { Kernel } from "./kernel.ts";
import { broadcastStrides, planWalk } from "./walk.ts";

interface View {
  strides: readonly number[];
  start?: number;
}

/** Copies between two strided views of one shape. */
export function planCopy(shape: Shape, from: View, to: View): (source: Float64Array, target: Float64Array) => void {
  const walk = planWalk(shape, [from.strides, to.strides], [from.start ?? 0, to.start ?? 0]);
  const [step, stride] = [walk.steps[0]!, walk.steps[1]!];
  return (source, target) =>
    walk.each((offsets) => {
      let i = offsets[0]!;
      let j = offsets[1]!;
      for (let n = walk.length; n > 0; n--, i += step, j += stride) target[j] = source[i]!;
    });
}

/** The output is a strided view of the input. */
function viewKernel(shape: Shape, view: View): Kernel {
  const copy = planCopy(shape, view, { strides: stridesOf(shape) });
  return ([x]) => {
    const y = new Float64Array(sizeOf(shape));
    copy(x!, y);
    return [y];
  };
}

export function transposeKernel({ inputs: [x], outputs: [y], attrs: { perm } }: Node<"transpose">): Kernel {
  const strides = stridesOf(x!.shape);
  return viewKernel(y!.shape, { strides: perm.map((axis) => strides[axis]!) });
}

export function expandKernel({ inputs: [x], outputs: [y] }: Node<"expand">): Kernel {
  return viewKernel(y!.shape, { strides: broadcastStrides(x!.shape, y!.shape) });
}

export function sliceKernel({ inputs: [x], outputs: [y], attrs: { starts, steps } }: Node<"slice">): Kernel {
  const strides = stridesOf(x!.shape);
  const start = starts.reduce((sum, from, axis) => sum + from * strides[axis]!, 0);
  return viewKernel(y!.shape, { strides: strides.map((stride, axis) => stride * steps[axis]!), start });
}

export function flipKernel({ inputs: [x], outputs: [y], attrs: { axes } }: Node<"flip">): Kernel {
  const strides = stridesOf(x!.shape);
  const start = axes.reduce((sum, axis) => sum + (x!.shape[axis]! - 1) * strides[axis]!, 0);
  return viewKernel(y!.shape, {
    strides: strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride)),
    start,
  });
}

/** A negative amount cuts, as a positive one adds. */
export function padKernel({ inputs: [x], outputs: [y], attrs: { before, value } }: Node<"pad">): Kernel {
  const [from, to] = [stridesOf(x!.shape), stridesOf(y!.shape)];
  const kept = x!.shape.map((dim, axis) => keptLength(dim, before[axis]!, y!.shape[axis]!));
  const offset = (strides: readonly number[], sign: 1 | -1) =>
    before.reduce((sum, amount, axis) => sum + Math.max(0, sign * amount) * strides[axis]!, 0);
  const copy = planCopy(kept, { strides: from, start: offset(from, -1) }, { strides: to, start: offset(to, 1) });
  return ([data]) => {
    const out = new Float64Array(y!.size).fill(value);
    copy(data!, out);
    return [out];
  };
}

const keptLength = (dim: number, before: number, size: number) =>
  Math.max(0, Math.min(dim + Math.min(0, before), size - Math.max(0, before)));

export function concatKernel({ inputs, outputs: [y], attrs: { axis } }: Node<"concat">): Kernel {
  const strides = stridesOf(y!.shape);
  let start = 0;
  const copies = inputs.map((part: Tensor) => {
    const copy = planCopy(part.shape, { strides: stridesOf(part.shape) }, { strides, start: start * strides[axis]! });
    start += part.shape[axis]!;
    return copy;
  });
  return (parts) => {
    const out = new Float64Array(y!.size);
    copies.forEach((copy, i) => void copy(parts[i]!, out));
    return [out];
  };
}
