import type { AnyNode, Tensor } from "../tensor/index.ts";
import type { ForwardPass } from "./activations.ts";

/**
 * Activations on the way from one product of two activations to another: scores, weights and dropped weights of attention,
 * which grow with the square of the length (Korthikanti et al. 2022, section 5). And what is drawn for them alone.
 */
export function betweenProducts(forward: ForwardPass): Set<Tensor> {
  const { nodes, activations } = forward;
  const isCore = ({ op, inputs }: AnyNode) => op === "matmul" && inputs.every((t) => activations.has(t));
  const after = new Set<Tensor>();
  for (const node of nodes)
    if (isCore(node) || (passes(node) && node.inputs.some((t) => after.has(t))))
      for (const t of node.outputs) after.add(t);
  const before = new Set<Tensor>();
  for (const node of nodes.toReversed())
    if (isCore(node) || (passes(node) && node.outputs.some((t) => before.has(t))))
      for (const t of node.inputs) before.add(t);
  return withDraws(forward, new Set([...after].filter((t) => before.has(t))));
}

/** Adds what depends on no parameter (random numbers, masks) and is read by the given tensors' nodes only. */
function withDraws({ nodes, activations, data }: ForwardPass, core: Set<Tensor>): Set<Tensor> {
  const drawn = new Set<Tensor>();
  const outside = new Set<Tensor>();
  for (const { op, inputs, outputs } of nodes) {
    const fromData = inputs.every((t) => data.has(t) || drawn.has(t) || !activations.has(t));
    const free = inputs.every((t) => data.has(t) || drawn.has(t) || t.node.op === "constant" || t.dtype !== "f32");
    if (op !== "input" && fromData && free) for (const t of outputs) if (activations.has(t)) drawn.add(t);
  }
  for (const { inputs, outputs } of nodes.toReversed())
    if (!outputs.some((t) => core.has(t) || (drawn.has(t) && !outside.has(t)))) for (const t of inputs) outside.add(t);
  return new Set([...core, ...[...drawn].filter((t) => !outside.has(t))]);
}

const heavy: ReadonlySet<string> = new Set(["matmul", "conv", "convTranspose", "scan", "unitLowerInverse"]);
const passes = ({ op }: AnyNode): boolean => !heavy.has(op);
