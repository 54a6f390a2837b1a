import { expandFused, type Node, type PrimitiveOp, scanInputs, type Tensor } from "../../tensor/index.ts";
import { primitiveNodes } from "./walk.ts";

/** Ops whose result holds nothing but 0 and 1 where every value given does. */
const keeping: ReadonlySet<PrimitiveOp> = new Set<PrimitiveOp>([
  "stopGradient",
  "reshape",
  "transpose",
  "expand",
  "concat",
  "slice",
  "flip",
  "gather",
  "gatherElements",
  "mul",
  "maximum",
  "minimum",
]);

/** How many of an op's inputs are values; the others are places or conditions. */
const values = (node: Node<PrimitiveOp>): readonly Tensor[] =>
  node.op === "gather" || node.op === "gatherElements" ? node.inputs.slice(0, 1) : node.inputs;

/**
 * Float tensors that hold only 0 and 1 by construction: comparisons cast to numbers, choices between 0 and 1, and what is
 * moved from such. A product with one of them needs no multiplication. Bodies of scans are entered.
 */
export function spikeTensors(outputs: readonly Tensor[]): ReadonlySet<Tensor> {
  const spikes = new Set<Tensor>();
  collect(expandFused(outputs), new Set(), spikes);
  return spikes;
}

function collect(outputs: readonly Tensor[], boundary: ReadonlySet<Tensor>, spikes: Set<Tensor>): void {
  for (const node of primitiveNodes(outputs, boundary)) {
    if (node.op === "scan") collectScan(node as unknown as Node<"scan">, spikes);
    else if (isSpike(node, spikes)) for (const t of node.outputs) spikes.add(t);
  }
}

function isSpike(node: Node<PrimitiveOp>, spikes: ReadonlySet<Tensor>): boolean {
  const [y] = node.outputs;
  if (y!.dtype !== "f32") return false;
  if (node.op === "constant") return isBinary((node as unknown as Node<"constant">).attrs.data);
  if (node.op === "cast") return node.inputs[0]!.dtype === "bool";
  if (node.op === "where") return node.inputs.slice(1).every((t) => spikes.has(t));
  if (node.op === "pad") return spikes.has(node.inputs[0]!) && isBinary([(node as unknown as Node<"pad">).attrs.value]);
  return keeping.has(node.op) && values(node).every((t) => spikes.has(t));
}

const isBinary = (data: ArrayLike<number>): boolean =>
  Array.prototype.every.call(data, (value) => value === 0 || value === 1);

/** A state holds spikes where its start does and a step keeps it so: candidates that a step refutes are dropped until none is. */
function collectScan({ attrs, inputs, outputs }: Node<"scan">, spikes: Set<Tensor>): void {
  const { body, captures } = attrs;
  const { init, xs } = scanInputs(attrs, inputs);
  const results = [...body.nextStates, ...body.ys];
  const inside = new Set([...body.states, ...body.xs, ...captures]);
  const given = [...body.xs.filter((_, i) => spikes.has(xs[i]!)), ...captures.filter((t) => spikes.has(t))];
  let candidates = body.states.filter((_, i) => spikes.has(init[i]!));
  for (;;) {
    const found = new Set([...given, ...candidates]);
    collect(results, inside, found);
    const kept = candidates.filter((t) => found.has(body.nextStates[body.states.indexOf(t)]!));
    if (kept.length < candidates.length) {
      candidates = kept;
      continue;
    }
    for (const t of found) spikes.add(t);
    results.forEach((t, i) => void (found.has(t) && spikes.add(outputs[i]!)));
    return;
  }
}
