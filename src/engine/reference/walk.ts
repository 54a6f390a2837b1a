import type { Shape } from "../../tensor/index.ts";

/** A nested loop over a shape, one stride list per operand, merged to as few axes as the layouts allow. */
export interface Walk {
  /** Elements of the innermost loop. */
  readonly length: number;
  /** Stride of each operand in the innermost loop. */
  readonly steps: readonly number[];
  /** Calls `row` with each operand's offset at the start of every innermost loop; the array is reused. */
  each(row: (offsets: readonly number[]) => void): void;
}

interface Axis {
  size: number;
  steps: readonly number[];
}

/** `strides[operand][axis]` in elements; `starts[operand]` is where the operand begins. */
export function planWalk(shape: Shape, strides: readonly (readonly number[])[], starts?: readonly number[]): Walk {
  const axes = mergedAxes(shape, strides);
  const inner = axes.pop() ?? { size: 1, steps: strides.map(() => 0) };
  const origin = starts ?? strides.map(() => 0);
  const empty = shape.includes(0);
  return {
    length: inner.size,
    steps: inner.steps,
    each: (row) => {
      if (!empty) turn(axes, [...origin], row);
    },
  };
}

/** Axes of size 1 dropped; neighbours joined where every operand steps through both as through one. */
function mergedAxes(shape: Shape, strides: readonly (readonly number[])[]): Axis[] {
  const axes: Axis[] = [];
  shape.forEach((size, i) => {
    if (size === 1) return;
    const steps = strides.map((list) => list[i]!);
    const outer = axes.at(-1);
    if (outer?.steps.every((step, operand) => step === steps[operand]! * size))
      axes[axes.length - 1] = { size: outer.size * size, steps };
    else axes.push({ size, steps });
  });
  return axes;
}

/** Odometer over the outer axes. */
function turn(axes: readonly Axis[], offsets: number[], row: (offsets: readonly number[]) => void): void {
  const counters = axes.map(() => 0);
  for (let axis = 0; axis >= 0; ) {
    row(offsets);
    for (axis = axes.length - 1; axis >= 0; axis--) {
      const { size, steps } = axes[axis]!;
      const next = counters[axis]! + 1;
      const move = next < size ? 1 : 1 - size;
      counters[axis] = next < size ? next : 0;
      for (let i = 0; i < steps.length; i++) offsets[i]! += move * steps[i]!;
      if (next < size) break;
    }
  }
}

/** Strides with which a broadcast operand of shape `from` is read along the axes of `to`. */
export function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = new Array<number>(to.length).fill(0);
  let stride = 1;
  for (let i = from.length - 1; i >= 0; i--) {
    if (from[i] !== 1) strides[to.length - from.length + i] = stride;
    stride *= from[i]!;
  }
  return strides;
}
