import { fail, type Node, type PrimitiveOp, stridesOf, type Tensor } from "../../tensor/index.ts";
import { type Kernel, settle } from "./kernel.ts";
import { planWalk } from "./walk.ts";

function inRange(op: string, index: number, size: number): number {
  if (index >= 0 && index < size && Number.isInteger(index)) return index;
  return fail({ code: "E_INDEX", where: op, expected: `indices from 0 to ${size - 1}`, got: String(index) });
}

/** Whole slices of the data along an axis. */
export function gatherKernel({ inputs: [data, indices], outputs: [y], attrs: { axis } }: Node<"gather">): Kernel {
  const rows = data!.shape[axis]!;
  const inner = data!.shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const outer = data!.shape.slice(0, axis).reduce((product, dim) => product * dim, 1);
  return ([values, index]) => {
    const out = new Float64Array(y!.size);
    for (let o = 0, at = 0; o < outer; o++)
      for (let n = 0; n < indices!.size; n++, at += inner) {
        const from = (o * rows + inRange("gather", index![n]!, rows)) * inner;
        for (let i = 0; i < inner; i++) out[at + i] = values![from + i]!;
      }
    return [out];
  };
}

/** Calls `visit(position in indices, position in data)` for each index in row-major order. */
function planIndexed(node: Node<PrimitiveOp>, axis: number) {
  const [data, indices] = [node.inputs[0]!, node.inputs[1]!];
  assertFits(node.op, data, indices, axis);
  const strides = stridesOf(data.shape);
  const across = strides.map((stride, i) => (i === axis ? 0 : stride));
  const walk = planWalk(indices.shape, [stridesOf(indices.shape), across]);
  const [stride, size] = [strides[axis]!, data.shape[axis]!];
  return (index: Float64Array, visit: (i: number, j: number) => void) =>
    walk.each(([from, to]) => {
      for (let n = 0; n < walk.length; n++) {
        const i = from! + n * walk.steps[0]!;
        visit(i, to! + n * walk.steps[1]! + inRange(node.op, index[i]!, size) * stride);
      }
    });
}

function assertFits(op: string, data: Tensor, indices: Tensor, axis: number): void {
  if (indices.rank !== data.rank || indices.shape.some((dim, i) => i !== axis && dim > data.shape[i]!))
    fail({
      code: "E_SHAPE",
      where: op,
      expected: `indices within [${data.shape.join(", ")}] but for axis ${axis}`,
      got: `[${indices.shape.join(", ")}]`,
    });
}

export function gatherElementsKernel(node: Node<"gatherElements">): Kernel {
  const each = planIndexed(node, node.attrs.axis);
  return ([data, indices]) => {
    const out = new Float64Array(indices!.length);
    each(indices!, (i, j) => {
      out[i] = data![j]!;
    });
    return [out];
  };
}

/** Repeated indices add up. */
export function scatterAddKernel(node: Node<"scatterAdd">): Kernel {
  const each = planIndexed(node, node.attrs.axis);
  const wrap = settle[node.outputs[0]!.dtype];
  return ([data, indices, updates]) => {
    const out = data!.slice();
    each(indices!, (i, j) => {
      out[j] = wrap(out[j]! + updates![i]!);
    });
    return [out];
  };
}
