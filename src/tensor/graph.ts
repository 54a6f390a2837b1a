import { scanOf } from "./functions.ts";
import { withOrigin } from "./origin.ts";
import { type AnyNode, apply, type Tensor } from "./tensor.ts";
import type { OpAttrs } from "./vocabulary.ts";

/** What an engine compiles: named outputs over the `input` leaves they reach. */
export interface Program {
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** Every node that the outputs reach, inputs before users; `boundary` tensors end the walk. Bodies of scans are not entered. */
export function topological(outputs: readonly Tensor[], boundary?: { has(t: Tensor): boolean }): AnyNode[] {
  const found = new Map<number, AnyNode>();
  const pending = [...outputs];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    if (found.has(tensor.node.id) || boundary?.has(tensor)) continue;
    found.set(tensor.node.id, tensor.node);
    pending.push(...tensor.node.inputs);
  }
  return [...found.values()].sort((a, b) => a.id - b.id);
}

/** The `input` leaves of a program by name. */
export function inputsOf(program: Program): Map<string, Tensor> {
  const leaves = new Map<string, Tensor>();
  for (const node of topological(Object.values(program.outputs)))
    if (node.op === "input") leaves.set(node.attrs.name, node.outputs[0]!);
  return leaves;
}

/** A node's new outputs, given its new inputs (and those of any tensor already passed), or undefined to keep its op. */
export type Visit = (
  node: AnyNode,
  inputs: readonly Tensor[],
  get: (t: Tensor) => Tensor,
) => readonly Tensor[] | undefined;

/**
 * Copies what `outputs` reach, with `replacements` in place of given tensors and each remaining node passed to `visit`,
 * which returns its new outputs, or undefined to keep the op as it is. Bodies of scans are rewritten too.
 * Untouched parts are shared, not copied; copies keep the origin of what they stand for.
 */
export function rewrite(
  outputs: readonly Tensor[],
  replacements: ReadonlyMap<Tensor, Tensor>,
  visit?: Visit,
): Tensor[] {
  const done = new Map(replacements);
  const get = (t: Tensor) => done.get(t) ?? t;
  for (const node of topological(outputs, replacements)) {
    const inputs = node.inputs.map(get);
    const next = withOrigin(node.origin, () => visit?.(node, inputs, get) ?? copyNode(node, inputs, visit));
    node.outputs.forEach((t, i) => void (done.has(t) || next[i] === t || done.set(t, next[i]!)));
  }
  return outputs.map(get);
}

function copyNode(node: AnyNode, inputs: readonly Tensor[], visit: Visit | undefined): readonly Tensor[] {
  const changed = inputs.some((t, i) => t !== node.inputs[i]);
  if (node.op === "scan" && (changed || visit)) return copyScan(node, inputs, visit);
  return changed ? apply(node.op, inputs, node.attrs as OpAttrs[typeof node.op]) : node.outputs;
}

function copyScan(
  node: Extract<AnyNode, { op: "scan" }>,
  inputs: readonly Tensor[],
  visit: Visit | undefined,
): readonly Tensor[] {
  const { body, length, reverse } = node.attrs;
  const { init, xs, captures } = scanInputs(node.attrs, inputs);
  const before = [...body.nextStates, ...body.ys];
  const outer = new Map([...body.states, ...body.xs].map((t) => [t, t]));
  node.attrs.captures.forEach((t, i) => void outer.set(t, captures[i]!));
  const inside = rewrite(before, outer, visit);
  if (inside.every((t, i) => t === before[i]) && inputs.every((t, i) => t === node.inputs[i])) return node.outputs;
  const nextStates = inside.slice(0, body.nextStates.length);
  const copy = scanOf({ ...body, nextStates, ys: inside.slice(nextStates.length) }, { init, xs, length, reverse });
  return [...copy.states, ...copy.ys];
}

/** A scan's inputs by role. */
export function scanInputs<T>(attrs: OpAttrs["scan"], inputs: readonly T[]): { init: T[]; xs: T[]; captures: T[] } {
  const states = attrs.body.states.length;
  const end = states + attrs.body.xs.length;
  return { init: inputs.slice(0, states), xs: inputs.slice(states, end), captures: inputs.slice(end) };
}
