import { type AnyNode, type Tensor, topological } from "../tensor/index.ts";

/** A forward pass and what in it depends on the data. */
export interface ForwardPass {
  /** Each as late as its first user allows, so that what a layer draws or looks up stands beside its use. */
  nodes: readonly AnyNode[];
  /** Where a node stands among them. */
  placeOf(node: AnyNode): number;
  has(t: Tensor): boolean;
  /** Inputs that are no parameters: token ids, keys of random draws. */
  data: ReadonlySet<Tensor>;
  /** Tensors computed from the data. */
  activations: ReadonlySet<Tensor>;
}

export function forwardPass(outputs: readonly Tensor[], parameters: readonly Tensor[]): ForwardPass {
  const nodes = depthFirst(outputs);
  const places = new Map(nodes.map((node, place) => [node, place]));
  const given = new Set(parameters);
  const data = new Set<Tensor>();
  const activations = new Set<Tensor>();
  for (const node of nodes) {
    if (node.op === "input" && !given.has(node.outputs[0]!)) data.add(node.outputs[0]!);
    if (node.inputs.some((t) => data.has(t) || activations.has(t))) for (const t of node.outputs) activations.add(t);
  }
  return { nodes, placeOf: (node) => places.get(node)!, has: (t) => places.has(t.node), data, activations };
}

/** Every node that the outputs reach, each behind its inputs, which are looked at in their order; `boundary` tensors end the walk. */
export function depthFirst(outputs: readonly Tensor[], boundary?: { has(t: Tensor): boolean }): AnyNode[] {
  const order = new Set<AnyNode>();
  const entered = new Set<AnyNode>();
  const nodesOf = (tensors: readonly Tensor[]) => tensors.filter((t) => !boundary?.has(t)).map(({ node }) => node);
  const pending = nodesOf(outputs).reverse();
  for (let node = pending.at(-1); node !== undefined; node = pending.at(-1)) {
    if (entered.has(node)) order.add(pending.pop()!);
    else {
      entered.add(node);
      pending.push(
        ...nodesOf(node.inputs)
          .filter((input) => !entered.has(input))
          .reverse(),
      );
    }
  }
  return [...order];
}

/**
 * Activations that lie in memory from the forward to the backward pass: those that `gradients` read but do not compute
 * from `outputs`' own graph. A reshaped tensor counts as what it was reshaped from.
 */
export function storedActivations(
  outputs: readonly Tensor[],
  { gradients, parameters }: { gradients: readonly (Tensor | undefined)[]; parameters: readonly Tensor[] },
): Tensor[] {
  const forward = forwardPass(outputs, parameters);
  const stored = new Set<Tensor>();
  for (const t of readFromForward(forward, gradients).values())
    if (forward.activations.has(t)) stored.add(storageOf(t));
  return [...stored];
}

/** Tensors of the forward pass that nodes outside of it read. */
export function readFromForward(forward: ForwardPass, gradients: readonly (Tensor | undefined)[]): Set<Tensor> {
  const read = new Set<Tensor>();
  for (const node of backwardNodes(forward, gradients)) for (const t of node.inputs) if (forward.has(t)) read.add(t);
  return read;
}

/** What computes the gradients, the forward pass left out; inputs before users. */
export const backwardNodes = (forward: ForwardPass, gradients: readonly (Tensor | undefined)[]): AnyNode[] =>
  topological(
    gradients.filter((t) => t !== undefined),
    forward,
  );

/** The tensor whose memory another one shares by being its reshaped view. */
export function storageOf(t: Tensor): Tensor {
  return t.node.op === "reshape" ? storageOf(t.node.inputs[0]!) : t;
}
