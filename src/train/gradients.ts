import { grad, planRematerialisation, type Rematerialisation } from "../grad/index.ts";
import { expandFused, input, type Tensor } from "../tensor/index.ts";
import { fullPrecision, type PrecisionConfig, storeCotangents, stored, storeForward } from "./precision/index.ts";

/** How a training step's gradients are computed, beside what they are of. */
export interface GradientOptions {
  rematerialise?: Rematerialisation;
  precision?: PrecisionConfig;
  /** Whether the loss is multiplied by a factor fed as `loss.scale`, and gradients divided by it. */
  scaled?: boolean;
  /** Whether losses are multiplied by what is fed as `loss.share`: the weight of a micro-batch in the mean over all. */
  shared?: boolean;
}

/** Names of the numbers (f32 []) that a program with these options is fed. */
export const gradientInputs = { one: "precision.one", scale: "loss.scale", share: "loss.share" } as const;

/**
 * With linear attention in its parallel form, whose intermediate values the gradient reads: plans of what is kept, and counts of
 * it, see them once.
 */
const differentiable = (tensors: readonly Tensor[]): Tensor[] =>
  expandFused(tensors, ({ op }) => op !== "linearAttention");

type Named = Readonly<Record<string, Tensor>>;

/** The values of a training graph as the options make them, and the gradients of the one named `total`. */
export function differentiate(
  values: Named,
  parameters: readonly Tensor[],
  { rematerialise = "none", precision = fullPrecision, scaled = false, shared = false }: GradientOptions,
): { values: Named; gradients: (Tensor | undefined)[] } {
  const [one, scale, share] = (["one", "scale", "share"] as const).map((key) => input(gradientInputs[key], []));
  const names = Object.keys(values);
  const kept = storeForward(differentiable(Object.values(values)), { precision, parameters, one: one! });
  const weighed = kept.map((t, i) => (shared && !names[i]!.startsWith("buffer:") ? t.mul(share!) : t));
  const total = weighed[names.indexOf("total")]!;
  const target = scaled ? total.mul(scale!) : total;
  const plan = planRematerialisation(target, {
    level: rematerialise,
    parameters: [...parameters, one!, scale!, share!],
  });
  const raw = grad(target, [...parameters, ...plan.streams]);
  const storage = { kind: precision.gradients, scale: precision.scale, one: one! };
  const cotangents = storeCotangents(raw, { ...storage, forward: [target] });
  const lean = plan.apply(cotangents.slice(0, parameters.length), cotangents.slice(parameters.length));
  const rounded = lean.map((g) => g && stored(g, storage));
  return {
    values: Object.fromEntries(names.map((name, i) => [name, weighed[i]!])),
    gradients: scaled ? rounded.map((g) => g?.div(scale!)) : rounded,
  };
}
