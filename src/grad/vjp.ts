import {
  type AnyNode,
  fail,
  type Op,
  type OpAttrs,
  ones,
  sameShape,
  type Tensor,
  topological,
  withOrigin,
} from "../tensor/index.ts";
import type { GradRule } from "./rule.ts";
import { gradRules } from "./rules.ts";

/**
 * Vector–Jacobian product: Σ cotangents·outputs differentiated by each of `wrt` (leaves or any tensor on the way).
 * Undefined where the outputs do not depend on a tensor; what `leaves` were computed from is not looked at. Throws E_GRAD where a cotangent's shape is not its output's.
 */
export function vjp(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  wrt: readonly Tensor[],
  leaves: readonly Tensor[] = [],
): (Tensor | undefined)[] {
  const sums = new Map<Tensor, Tensor>();
  const add = (t: Tensor, g: Tensor | undefined) => {
    if (g === undefined) return;
    const sum = sums.get(t);
    sums.set(t, sum ? sum.add(g) : g);
  };
  outputs.forEach((t, i) => {
    assertCotangent(t, cotangents[i]!);
    if (t.dtype === "f32") add(t, cotangents[i]);
  });
  const nodes = topological(outputs, new Set(leaves));
  const active = dependents(nodes, wrt);
  for (const node of nodes.reverse()) {
    if (!node.inputs.some((t) => active.has(t)) || !node.outputs.some((t) => sums.has(t))) continue;
    withOrigin({ path: node.origin.path, pass: "backward" }, () =>
      pullback(node, sums, active).forEach((g, i) => void (active.has(node.inputs[i]!) && add(node.inputs[i]!, g))),
    );
  }
  return wrt.map((t) => sums.get(t));
}

/** Gradient of a scalar by each of `wrt`; undefined where it does not depend on one. */
export function grad(loss: Tensor, wrt: readonly Tensor[]): (Tensor | undefined)[] {
  return vjp([loss], [ones(loss.shape)], wrt);
}

function pullback(
  node: AnyNode,
  sums: ReadonlyMap<Tensor, Tensor>,
  active: ReadonlySet<Tensor>,
): (Tensor | undefined)[] {
  const cotangents = node.outputs.map((t) => sums.get(t));
  const rule = gradRules[node.op] as GradRule<Op>;
  return rule({
    inputs: node.inputs,
    outputs: node.outputs,
    attrs: node.attrs as OpAttrs[Op],
    cotangents,
    g: cotangents.find((g) => g !== undefined)!,
    needs: node.inputs.map((t) => active.has(t)),
  });
}

/** Float tensors through which the outputs depend on `wrt`. */
function dependents(nodes: readonly AnyNode[], wrt: readonly Tensor[]): Set<Tensor> {
  const active = new Set(wrt);
  for (const node of nodes)
    if (node.inputs.some((t) => active.has(t))) for (const t of node.outputs) if (t.dtype === "f32") active.add(t);
  return active;
}

function assertCotangent(output: Tensor, cotangent: Tensor): void {
  if (!sameShape(output.shape, cotangent.shape))
    fail({
      code: "E_GRAD",
      where: "vjp",
      expected: `a cotangent of shape [${output.shape.join(", ")}]`,
      got: `[${cotangent.shape.join(", ")}]`,
    });
}
