import {
  expandFused,
  fail,
  type PrimitiveOp,
  sameShape,
  type Tensor,
  topological,
  withOrigin,
} from "../tensor/index.ts";
import { type Batching, batchingRules } from "./batching-rules.ts";

/**
 * The same outputs for several values of some leaves at once, such as the parameters and draws of several seeds: `batched` gives,
 * for each leaf that differs from place to place, a tensor [places, ...leaf.shape]; every output is [places, ...output.shape].
 * Fused ops become their expansions, gradients are to be taken before. Pays where a graph is mostly the start of its ops:
 * products of one place that fill all cores gain nothing. Throws E_VECTORISE where shapes do not fit.
 */
export function vectorise(outputs: readonly Tensor[], batched: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const places = assertPlaces(batched);
  return batchedOutputs(expandFused(outputs), batched, places);
}

/** Of a graph of primitives. */
export function batchedOutputs(
  outputs: readonly Tensor[],
  batched: ReadonlyMap<Tensor, Tensor>,
  places: number,
): Tensor[] {
  const done = new Map(batched);
  for (const node of topological(outputs, batched)) {
    if (!node.inputs.some((t) => done.has(t))) continue;
    const operands = node.inputs.map((before) => ({ before, batched: done.get(before) }));
    const rule = (batchingRules as Record<string, (batching: Batching<PrimitiveOp>) => Tensor[]>)[node.op]!;
    const next = withOrigin(node.origin, () =>
      rule({ op: node.op as PrimitiveOp, operands, attrs: node.attrs as never, places }),
    );
    node.outputs.forEach((t, i) => void done.set(t, next[i]!));
  }
  return outputs.map((t) => done.get(t) ?? t.expand([places, ...t.shape]));
}

function assertPlaces(batched: ReadonlyMap<Tensor, Tensor>): number {
  const places = [...batched.values()][0]?.shape[0] ?? 0;
  for (const [leaf, t] of batched)
    if (!sameShape(t.shape, [places, ...leaf.shape]) || t.dtype !== leaf.dtype)
      fail({
        code: "E_VECTORISE",
        where: "vectorise",
        expected: `${leaf.dtype} [${[places, ...leaf.shape].join(", ")}]`,
        got: `${t.dtype} [${t.shape.join(", ")}]`,
      });
  if (places > 0) return places;
  fail({ code: "E_VECTORISE", where: "vectorise", expected: "a leaf with a place or more", got: "none" });
}
