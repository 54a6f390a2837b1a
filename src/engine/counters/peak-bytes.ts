import { depthFirst } from "../../grad/index.ts";
import { expandFused, type Node, type PrimitiveOp, type Tensor } from "../../tensor/index.ts";

/**
 * Most bytes alive at a time when a graph runs depth first from its results, as ONNX Runtime does by default, and drops every
 * value behind its last reader. Inputs, constants and what is made of constants alone are not counted, results are until the
 * end; a reshaped value shares the memory of its source; fused ops are what they expand to.
 */
export function peakBytes(outputs: readonly Tensor[]): number {
  return peakOf(expandFused(outputs), new Set());
}

function peakOf(results: readonly Tensor[], given: ReadonlySet<Tensor>): number {
  const order = depthFirst(results, given) as unknown as readonly Node<PrimitiveOp>[];
  const nodes = order.filter(isComputed(given));
  const owner = owners(nodes);
  const last = lastReaders(nodes, owner);
  for (const t of results) last.set(owner(t), nodes.length);
  const sizes = new Map<Tensor, number>();
  let [alive, peak] = [0, 0];
  for (const [place, node] of nodes.entries()) {
    for (const t of node.outputs.filter((one) => owner(one) === one)) {
      sizes.set(t, t.bytes);
      alive += t.bytes;
    }
    peak = Math.max(peak, alive + insideBytes(node));
    for (const t of [...node.inputs, ...node.outputs].map(owner)) {
      if ((last.get(t) ?? place) > place) continue;
      alive -= sizes.get(t) ?? 0;
      sizes.delete(t);
    }
  }
  return peak;
}

/** Whether a node runs: inputs are fed, and what is made of constants alone is known before. */
function isComputed(given: ReadonlySet<Tensor>): (node: Node<PrimitiveOp>) => boolean {
  const known = new Set<Tensor>();
  return ({ op, inputs, outputs }) => {
    const fixed = op !== "input" && inputs.every((t) => known.has(t) && !given.has(t));
    if (fixed) for (const t of outputs) known.add(t);
    return op !== "input" && !fixed;
  };
}

/** The tensor in whose memory another one lies. */
function owners(nodes: readonly Node<PrimitiveOp>[]): (t: Tensor) => Tensor {
  const owner = new Map<Tensor, Tensor>();
  const of = (t: Tensor) => owner.get(t) ?? t;
  for (const { op, inputs, outputs } of nodes)
    if (op === "reshape" || op === "stopGradient") owner.set(outputs[0]!, of(inputs[0]!));
  return of;
}

function lastReaders(nodes: readonly Node<PrimitiveOp>[], owner: (t: Tensor) => Tensor): Map<Tensor, number> {
  const last = new Map<Tensor, number>();
  for (const [place, { inputs }] of nodes.entries()) for (const t of inputs) last.set(owner(t), place);
  return last;
}

/** Of one step of a scan, with the states that it starts from. */
function insideBytes(node: Node<PrimitiveOp>): number {
  if (node.op !== "scan") return 0;
  const { body, captures } = (node as unknown as Node<"scan">).attrs;
  const states = body.states.reduce((sum, t) => sum + t.bytes, 0);
  return states + peakOf([...body.nextStates, ...body.ys], new Set([...body.states, ...body.xs, ...captures]));
}
