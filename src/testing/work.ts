import { sizeOf, type Tensor, topological } from "../tensor/index.ts";

/** Multiplications and additions of products, and one operation per element of everything else that a graph computes. */
export function workOf(outputs: readonly Tensor[]): number {
  let total = 0;
  for (const node of topological(outputs)) {
    const elements = node.outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    if (node.op === "input" || node.op === "constant") continue;
    if (node.op === "matmul") total += 2 * elements * node.inputs[0]!.dim(node.attrs.transA ? -2 : -1);
    else if (node.op === "scan") total += node.attrs.length * workOf([...node.attrs.body.nextStates, ...node.attrs.body.ys]);
    else total += elements;
  }
  return total;
}
