import type { Node, PrimitiveOp, Shape, Tensor } from "../../tensor/index.ts";
import { type Kernel, settle } from "./kernel.ts";
import { broadcastStrides, planWalk } from "./walk.ts";

/** One input, each element on its own. */
export function mapKernel(f: (x: number) => number): Kernel {
  return ([x]) => {
    const y = new Float64Array(x!.length);
    for (let i = 0; i < y.length; i++) y[i] = f(x![i]!);
    return [y];
  };
}

/** Two inputs broadcast against each other; results are brought into the output's dtype. */
export function broadcastKernel(
  { inputs: [a, b], outputs: [y] }: Node<PrimitiveOp>,
  f: (a: number, b: number) => number,
): Kernel {
  const wrap = settle[y!.dtype];
  const combine = y!.dtype === "f32" ? f : (p: number, q: number) => wrap(f(p, q));
  const { length, steps, each } = broadcastWalk([a!, b!], y!.shape);
  const [stepA, stepB] = [steps[0]!, steps[1]!];
  return ([dataA, dataB]) => {
    const out = new Float64Array(y!.size);
    let at = 0;
    each((offsets) => {
      let i = offsets[0]!;
      let j = offsets[1]!;
      for (const end = at + length; at < end; at++, i += stepA, j += stepB) out[at] = combine(dataA![i]!, dataB![j]!);
    });
    return [out];
  };
}

/** (condition, a, b), all broadcast. */
export function whereKernel({ inputs, outputs: [y] }: Node<"where">): Kernel {
  const { length, steps, each } = broadcastWalk(inputs, y!.shape);
  const [stepC, stepA, stepB] = [steps[0]!, steps[1]!, steps[2]!];
  return ([condition, a, b]) => {
    const out = new Float64Array(y!.size);
    let at = 0;
    each(([startC, startA, startB]) => {
      for (let i = 0; i < length; i++)
        out[at++] = condition![startC! + i * stepC] ? a![startA! + i * stepA]! : b![startB! + i * stepB]!;
    });
    return [out];
  };
}

const broadcastWalk = (inputs: readonly Tensor[], to: Shape) =>
  // The output's own strides keep the walk in row-major order of the output.
  planWalk(to, [...inputs.map((t) => broadcastStrides(t.shape, to)), broadcastStrides(to, to)]);
