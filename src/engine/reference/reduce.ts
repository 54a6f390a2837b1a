import { fail, type Node, type ReduceOp, stridesOf, type Tensor } from "../../tensor/index.ts";
import { type Kernel, settle } from "./kernel.ts";
import { integerBinary, reductions } from "./scalar-functions.ts";
import { planWalk } from "./walk.ts";

/** Accumulates in row-major order of the input. */
export function reduceKernel(node: Node<ReduceOp>): Kernel {
  const {
    inputs: [x],
    outputs: [y],
    attrs: { axes },
  } = node;
  const { start, combine } = reductionOf(node.op, y!);
  const outStrides = stridesOf(x!.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)));
  const { length, steps, each } = planWalk(x!.shape, [
    stridesOf(x!.shape),
    outStrides.map((stride, axis) => (axes.includes(axis) ? 0 : stride)),
  ]);
  const [from, to] = [steps[0]!, steps[1]!];
  return ([data]) => {
    const out = new Float64Array(y!.size).fill(start);
    each((offsets) => {
      let i = offsets[0]!;
      let j = offsets[1]!;
      for (let n = length; n > 0; n--, i += from, j += to) out[j] = combine(out[j]!, data![i]!);
    });
    return [out];
  };
}

/** Integers wrap at every step; an empty maximum is the least value of the dtype, an empty minimum the greatest. */
function reductionOf(op: ReduceOp, { dtype }: Tensor): { start: number; combine: (a: number, b: number) => number } {
  const { start, combine } = reductions[op];
  if (dtype === "f32") return { start, combine };
  const bounds = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1], bool: [0, 1] }[dtype];
  const wrap = settle[dtype];
  const exact = op === "reduceProd" ? integerBinary.mul : combine;
  return { start: Math.min(bounds[1]!, Math.max(bounds[0]!, start)), combine: (a, b) => wrap(exact(a, b)) };
}

export function cumsumKernel({ inputs: [x], attrs: { axis, exclusive, reverse } }: Node<"cumsum">): Kernel {
  const { length, stride, outer } = along(x!, axis);
  const add = (a: number, b: number) => settle[x!.dtype](a + b);
  return ([data]) => {
    const out = new Float64Array(data!.length);
    for (const start of outer) {
      let sum = 0;
      for (let n = 0; n < length; n++) {
        const i = start + (reverse ? length - 1 - n : n) * stride;
        if (exclusive) out[i] = sum;
        sum = add(sum, data![i]!);
        if (!exclusive) out[i] = sum;
      }
    }
    return [out];
  };
}

/** The first greatest element; NaN counts as greater than every number. */
export function argmaxKernel({ inputs: [x], outputs: [y], attrs: { axis } }: Node<"argmax">): Kernel {
  const { length, stride, outer } = along(x!, axis);
  if (length === 0 && y!.size > 0)
    fail({ code: "E_EMPTY", where: "argmax", expected: "at least one element along the axis", got: "none" });
  return ([data]) => [
    Float64Array.from(outer, (start) => {
      let best = 0;
      for (let i = 1; i < length; i++)
        if (ranksAbove(data![start + i * stride]!, data![start + best * stride]!)) best = i;
      return best;
    }),
  ];
}

/** Sorted along the axis, ties by lower index; NaN counts as greater than every number. */
export function topkKernel({ inputs: [x], outputs: [y], attrs: { axis, k, largest } }: Node<"topk">): Kernel {
  const { length, stride, outer } = along(x!, axis);
  const target = along(y!, axis).outer;
  return ([data]) => {
    const [values, indices] = [new Float64Array(y!.size), new Float64Array(y!.size)];
    outer.forEach((start, row) => {
      const at = (i: number) => data![start + i * stride]!;
      const before = (i: number, j: number) => (largest ? ranksAbove(at(i), at(j)) : ranksAbove(at(j), at(i)));
      const order = Array.from({ length }, (_, i) => i).sort((i, j) => (before(i, j) ? -1 : before(j, i) ? 1 : i - j));
      for (let n = 0; n < k; n++) {
        values[target[row]! + n * stride] = at(order[n]!);
        indices[target[row]! + n * stride] = order[n]!;
      }
    });
    return [values, indices];
  };
}

const ranksAbove = (a: number, b: number) => a > b || (Number.isNaN(a) && !Number.isNaN(b));

/** Lines along one axis: their length, stride, and the offset of each line's first element. */
function along(x: Tensor, axis: number): { length: number; stride: number; outer: number[] } {
  const length = x.shape[axis]!;
  const stride = x.shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const lines = x.shape.slice(0, axis).reduce((product, dim) => product * dim, 1) * stride;
  return {
    length,
    stride,
    outer: Array.from({ length: lines }, (_, i) => Math.floor(i / stride) * length * stride + (i % stride)),
  };
}
