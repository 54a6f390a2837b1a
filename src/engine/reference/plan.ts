import {
  type AnyNode,
  fail,
  isFused,
  type Node,
  type PrimitiveOp,
  type Tensor,
  topological,
} from "../../tensor/index.ts";
import type { Kernel, Plan } from "./kernel.ts";
import { kernels } from "./kernels.ts";

interface Step {
  kernel: Kernel;
  inputs: readonly number[];
  outputs: readonly number[];
  /** Slots read for the last time here. */
  frees: readonly number[];
}

/** Kernels in order, with the slot of every value and the moment at which it is dropped. */
export function planGraph(outputs: readonly Tensor[], leaves: readonly Tensor[]): Plan {
  const slots = new Map(leaves.map((t, i) => [t, i]));
  const nodes = topological(outputs, slots);
  for (const node of nodes) for (const t of node.outputs) if (!slots.has(t)) slots.set(t, slots.size);
  const slotOf = (t: Tensor) => slots.get(t)!;
  const results = outputs.map(slotOf);
  const frees = lastUses(nodes, slotOf, new Set(results));
  const steps = nodes.map(
    (node, i): Step => ({
      kernel: kernelOf(node),
      inputs: node.inputs.map(slotOf),
      outputs: node.outputs.map(slotOf),
      frees: frees[i]!,
    }),
  );
  return { run: (values) => runSteps(steps, [...values], results) };
}

function runSteps(
  steps: readonly Step[],
  values: (Float64Array | undefined)[],
  results: readonly number[],
): Float64Array[] {
  for (const { kernel, inputs, outputs, frees } of steps) {
    const computed = kernel(inputs.map((slot) => values[slot]!));
    outputs.forEach((slot, i) => {
      values[slot] = computed[i];
    });
    for (const slot of frees) values[slot] = undefined;
  }
  return results.map((slot) => values[slot]!);
}

/** Per node, the slots that no later node reads; results stay. */
function lastUses(nodes: readonly AnyNode[], slotOf: (t: Tensor) => number, results: ReadonlySet<number>): number[][] {
  const seen = new Set(results);
  return nodes
    .map((_, i, all) => all[all.length - 1 - i]!)
    .map((node) => {
      const last = [...node.inputs, ...node.outputs].map(slotOf).filter((slot) => !seen.has(slot));
      for (const slot of last) seen.add(slot);
      return [...new Set(last)];
    })
    .reverse();
}

function kernelOf(node: AnyNode): Kernel {
  if (isFused(node)) return fail({ code: "E_OP", where: "reference engine", expected: "primitive ops", got: node.op });
  return make(node);
}

function make<K extends PrimitiveOp>(node: Node<K>): Kernel {
  return kernels[node.op](node, planGraph);
}
