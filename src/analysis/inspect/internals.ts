import { type AnyNode, scanInputs, scanOf, type Tensor, topological } from "../../tensor/index.ts";

/** An internal tensor and the node that makes it; inside a scan, the tensor is what all its steps made, [T, …]. */
export interface Internal {
  name: string;
  node: AnyNode;
  tensor: Tensor;
}

/**
 * Every tensor that a graph computes, by name: the path of the part that made it, its op, and which of the part's it is
 * (`layers.0.mixer/matmul.2`); inside a scan `layers.0.mixer/scan.0/sigmoid.1`, stacked over the steps. Further outputs of a
 * node have `#1`, `#2`. Names hold as long as the spec does.
 */
export function internalsOf(outputs: readonly Tensor[]): Internal[] {
  const nameOf = numbered();
  return topological(outputs).flatMap((node) => {
    if (node.op === "input" || node.op === "constant") return [];
    const name = nameOf(node);
    const own = node.outputs.map((tensor, i) => ({ name: i === 0 ? name : `${name}#${i}`, node, tensor }));
    return node.op === "scan" ? [...own, ...insideScan(node, name)] : own;
  });
}

type ScanNode = Extract<AnyNode, { op: "scan" }>;

function insideScan(scan: ScanNode, prefix: string): Internal[] {
  const { body, captures } = scan.attrs;
  const boundary = new Set([...body.states, ...body.xs, ...captures]);
  const nameOf = numbered();
  const nodes = topological([...body.nextStates, ...body.ys], boundary).filter(
    ({ op }) => op !== "input" && op !== "constant" && op !== "scan",
  );
  return nodes.map((node) => {
    const own = nameOf(node).split("/").at(-1)!;
    return { name: `${prefix}/${own}`, node, tensor: stacked(scan, node.outputs[0]!) };
  });
}

/** What all steps of a scan compute for one tensor of its body. */
export function stacked({ attrs: { body, length, reverse }, attrs, inputs }: ScanNode, t: Tensor): Tensor {
  const { init, xs } = scanInputs(attrs, inputs);
  return scanOf({ ...body, ys: [...body.ys, t] }, { init, xs, length, reverse }).ys.at(-1)!;
}

function numbered(): (node: AnyNode) => string {
  const counts = new Map<string, number>();
  return ({ op, origin: { path } }) => {
    const stem = `${path}/${op}`;
    const count = counts.get(stem) ?? 0;
    counts.set(stem, count + 1);
    return `${stem}.${count}`;
  };
}
