import {
  expandFused,
  fail,
  isFused,
  type Node,
  type PrimitiveOp,
  type Tensor,
  topological,
} from "../../tensor/index.ts";

/**
 * Every primitive node that computes the outputs, fused ones as their expansions, with how often it runs: nodes of a
 * scan's body once a step. The graph is as recorded, before any engine merges or removes nodes.
 */
export function visitNodes(outputs: readonly Tensor[], visit: (node: Node<PrimitiveOp>, times: number) => void): void {
  visitExpanded(expandFused(outputs), { times: 1, boundary: new Set() }, visit);
}

function visitExpanded(
  outputs: readonly Tensor[],
  { times, boundary }: { times: number; boundary: ReadonlySet<Tensor> },
  visit: (node: Node<PrimitiveOp>, times: number) => void,
): void {
  for (const node of primitiveNodes(outputs, boundary)) {
    visit(node, times);
    if (node.op !== "scan") continue;
    const { body, captures, length } = node.attrs as Node<"scan">["attrs"];
    const inside = new Set([...body.states, ...body.xs, ...captures]);
    visitExpanded([...body.nextStates, ...body.ys], { times: times * length, boundary: inside }, visit);
  }
}

/** Nodes in order, of a graph whose fused ops are expanded; E_OP where they are not. */
export function primitiveNodes(outputs: readonly Tensor[], boundary: ReadonlySet<Tensor>): Node<PrimitiveOp>[] {
  return topological(outputs, boundary).map((node) => {
    if (isFused(node)) fail({ code: "E_OP", where: "counters", expected: "primitive ops", got: node.op });
    return node as Node<PrimitiveOp>;
  });
}
