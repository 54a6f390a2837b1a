import { expandFused, type Node, type PrimitiveOp, scanInputs, type Tensor } from "../../tensor/index.ts";
import { movingOps } from "./moving-ops.ts";
import { primitiveNodes } from "./walk.ts";

const still: ReadonlySet<PrimitiveOp> = new Set(movingOps);

/**
 * Steps that must follow one another whatever the number of processors: the longest chain of dependent nodes. An elementwise
 * op, a reduction, a product, a running sum and a search are one step each, moving data is none. A scan's steps follow one
 * another along its states: it counts the chain through its body as often as it has steps. Recurrences computed as parallel
 * prefixes (`associativeScan`) stand in the graph as their log₂ n levels.
 */
export function criticalPath(outputs: readonly Tensor[]): number {
  const expanded = expandFused(outputs);
  return longest(depths(expanded, new Map()), expanded);
}

type Depths = Map<Tensor, number>;

/** What a tensor that depends on no source has. */
const never = Number.NEGATIVE_INFINITY;

const longest = (of: Depths, tensors: readonly Tensor[]): number =>
  tensors.reduce((most, t) => Math.max(most, of.get(t) ?? never), never);

/** Depth of every tensor, given those of the boundary; leaves beyond it have depth 0 where `leaf` does not say otherwise. */
function depths(outputs: readonly Tensor[], boundary: Depths, leaf = 0): Depths {
  const found = new Map(boundary);
  for (const node of primitiveNodes(outputs, new Set(boundary.keys()))) {
    if (node.op === "scan") scanDepths(node as unknown as Node<"scan">, found, leaf);
    else {
      const before = node.inputs.length === 0 ? leaf : longest(found, node.inputs);
      for (const t of node.outputs) found.set(t, before + (still.has(node.op) ? 0 : 1));
    }
  }
  return found;
}

/** The chain of each state through one step, from every state and from all else; then the steps one after another. */
function scanDepths({ attrs, inputs, outputs }: Node<"scan">, found: Depths, leaf: number): void {
  const { body, length, captures } = attrs;
  const { init, xs } = scanInputs(attrs, inputs);
  const results = [...body.nextStates, ...body.ys];
  const outside = new Map<Tensor, number>([
    ...body.states.map((t): [Tensor, number] => [t, never]),
    ...body.xs.map((t, i): [Tensor, number] => [t, found.get(xs[i]!)!]),
    ...captures.map((t, i): [Tensor, number] => [t, found.get(inputs[inputs.length - captures.length + i]!)!]),
  ]);
  const base = depths(results, outside, leaf);
  const through = body.states.map((from) => {
    const alone = [...outside.keys()].map((t): [Tensor, number] => [t, t === from ? 0 : never]);
    return depths(results, new Map(alone), never);
  });
  const after = (states: readonly number[], t: Tensor): number =>
    states.reduce((most, depth, i) => Math.max(most, depth + (through[i]!.get(t) ?? never)), base.get(t) ?? never);
  let states = init.map((t) => found.get(t)!);
  const ys = body.ys.map(() => never);
  for (let step = 0; step < length; step++) {
    for (const [i, t] of body.ys.entries()) ys[i] = Math.max(ys[i]!, after(states, t));
    states = body.nextStates.map((t) => after(states, t));
  }
  for (const [i, t] of outputs.entries()) found.set(t, i < states.length ? states[i]! : ys[i - states.length]!);
}
