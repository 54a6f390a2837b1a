import { rewrite, type Tensor } from "../tensor/index.ts";
import type { Pullback } from "./rule.ts";
import { vjp } from "./vjp.ts";

/** Gradient of an op by that of its recorded body. */
export function recordedGrad({
  inputs,
  attrs: { body },
  cotangents,
  needs,
}: Pullback<"linearAttention">): (Tensor | undefined)[] {
  const known = body.outputs.flatMap((y, i) => (cotangents[i] ? [{ y, g: cotangents[i] }] : []));
  const gradients = vjp(
    known.map(({ y }) => y),
    known.map(({ g }) => g),
    body.inputs,
  );
  const found = gradients.flatMap((g, i) => (g && needs[i] ? [{ g, i }] : []));
  const placed = rewrite(
    found.map(({ g }) => g),
    new Map(body.inputs.map((leaf, i) => [leaf, inputs[i]!])),
  );
  return inputs.map((_, i) => placed[found.findIndex((each) => each.i === i)]);
}
