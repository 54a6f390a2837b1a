import { type AnyNode, apply, rewrite, type Tensor, topological, type Visit } from "../../tensor/index.ts";
import type { PrecisionConfig } from "./config.ts";
import type { StorageKind } from "./formats.ts";
import { roundScaled, roundTo } from "./round.ts";

/** A format, whether tensors are scaled to it, and the number 1 (see `roundTo`). */
export interface Storage {
  kind: StorageKind;
  scale: PrecisionConfig["scale"] | undefined;
  one: Tensor;
}

/** A tensor as it is read after it was kept in a format. */
export const stored = (x: Tensor, { kind, scale, one }: Storage): Tensor =>
  (scale === "tensor" ? roundScaled : roundTo)(x, kind, one);

type Product = Extract<AnyNode, { op: "matmul" | "conv" | "convTranspose" }>;
const isProduct = (node: AnyNode): node is Product =>
  node.op === "matmul" || node.op === "conv" || node.op === "convTranspose";

/**
 * A forward pass whose `parameters` are rounded copies, and whose products read rounded activations. Gradients pass through
 * the rounding as if it were not there (straight through). Forms that compute anew what their gradient needs (attention over
 * more than 4,096 tokens, losses of more than 33 million logits) read unrounded numbers inside.
 */
export function storeForward(
  outputs: readonly Tensor[],
  { precision, parameters, one }: { precision: PrecisionConfig; parameters: readonly Tensor[]; one: Tensor },
): Tensor[] {
  const copied = precision.master ? precision.parameters : "f32";
  const straightThrough = (x: Tensor, kind: StorageKind) =>
    passing(x, stored(x, { kind, scale: precision.scale, one }));
  const copies = new Map(parameters.map((leaf) => [leaf, straightThrough(leaf, copied)]));
  if (precision.activations === "f32" && copied === "f32") return [...outputs];
  const weights = new Set(copies.values());
  const round = remembered((t) => (weights.has(t) ? t : straightThrough(t, precision.activations)));
  return rewrite(outputs, copies, roundOperands(round));
}

/**
 * Gradients whose products read rounded cotangents; what `forward` computed is left alone. Backward scans keep f32 inside:
 * there a stacked activation and a cotangent cannot be told apart.
 */
export function storeCotangents(
  gradients: readonly (Tensor | undefined)[],
  { forward, ...storage }: Storage & { forward: readonly Tensor[] },
): (Tensor | undefined)[] {
  if (storage.kind === "f32") return [...gradients];
  const before = new Map(topological(forward).flatMap((node) => node.outputs.map((t) => [t, t] as const)));
  const visit = roundOperands(remembered((t) => (before.has(t) ? t : stored(t, storage))));
  const known = gradients.filter((t) => t !== undefined);
  const rounded = rewrite(known, before, (node, inputs, get) =>
    node.op === "scan" ? withInputs(node, inputs) : visit(node, inputs, get),
  );
  const of = new Map(known.map((t, i) => [t, rounded[i]!]));
  return gradients.map((t) => t && of.get(t));
}

function roundOperands(round: (t: Tensor) => Tensor): Visit {
  return (node, inputs) => (isProduct(node) ? apply(node.op, inputs.map(round), node.attrs) : undefined);
}

const withInputs = (node: AnyNode, inputs: readonly Tensor[]): readonly Tensor[] =>
  rewrite(node.outputs, new Map(node.inputs.map((t, i) => [t, inputs[i]!])));

/** x + (rounded x − x), the difference held constant: exactly the rounded x, as both lie within a factor of 2. */
const passing = (x: Tensor, rounded: Tensor): Tensor => (rounded === x ? x : x.add(rounded.sub(x).stopGradient()));

/** One result for one tensor. */
function remembered(make: (t: Tensor) => Tensor): (t: Tensor) => Tensor {
  const made = new Map<Tensor, Tensor>();
  return (t) => {
    const value = made.get(t) ?? make(t);
    made.set(t, value);
    return value;
  };
}
