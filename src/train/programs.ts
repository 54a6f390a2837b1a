import type { Io } from "../blocks/index.ts";
import type { BatchShape } from "../data/index.ts";
import { lookUpLate } from "../grad/index.ts";
import type { Source } from "../model/index.ts";
import { randomStream, rowLosses } from "../ops/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import { input, type Program, type Tensor, within, zeros } from "../tensor/index.ts";
import { differentiate, type GradientOptions } from "./gradients.ts";
import type { Objective, TracedBatch } from "./objectives/index.ts";

/** A batch as inputs of a graph, named as its arrays: `weights` f32, `mask` and `sourceMask` bool, the others i32. */
function tracedBatch({ model }: BuiltModel, { values }: Objective, shape: BatchShape): TracedBatch {
  const { batch: B, length: T, sourceLength: S } = shape;
  const answers = model.per === "token" ? [B, T] : [B];
  return {
    inputs_BT: model.input.kind === "ids" ? input("inputs", [B, T], "i32") : input("inputs", [B, T, model.input.size]),
    targets_BT: values ? input("targets", [...answers, model.outputs]) : input("targets", answers, "i32"),
    ...(shape.weights && { weights_BT: input("weights", answers) }),
    ...(shape.mask && { mask_BT: input("mask", [B, T], "bool") }),
    ...(S !== undefined && {
      source: { ids_BS: input("source", [B, S], "i32"), mask_BS: input("sourceMask", [B, S], "bool") },
    }),
  };
}

/** Parameters and buffers as inputs named by their paths, each made once. */
export function inputSource(): Source & { readonly leaves: ReadonlyMap<string, Tensor> } {
  const leaves = new Map<string, Tensor>();
  const leaf = (path: string, shape: readonly number[]) => {
    const known = leaves.get(path) ?? input(path, shape);
    leaves.set(path, known);
    return known;
  };
  return { leaves, weight: (path, { shape }) => leaf(path, shape), buffer: leaf };
}

/** Io of a training graph; draws depend on the inputs `random.seed` and `random.step` (u32 []). */
export function trainingIo(): Io {
  const key = { seed: input("random.seed", [], "u32"), step: input("random.step", [], "u32") };
  return { mode: "train", rng: (path) => randomStream({ ...key, path }) };
}

/** Io of graphs that draw nothing. */
export function evaluationIo(): Io {
  return {
    mode: "eval",
    rng: (path) => {
      throw new Error(`${path}: a draw was asked for outside training`);
    },
  };
}

/**
 * One training step's graph: inputs the arrays of a batch, `random.seed`, `random.step`, all parameters and
 * `gradientInputs`, as the options need them;
 * what its options ask for (`gradientInputs`);
 * outputs `loss` (nats per token), `total` (with auxiliary losses), `loss:…`, `grad:…`, `buffer:…`.
 */
export function trainingProgram(
  built: BuiltModel,
  objective: Objective,
  shape: BatchShape,
  options: GradientOptions = {},
): Program {
  const source = inputSource();
  const batch = tracedBatch(built, objective, shape);
  const io = { ...trainingIo(), ...(batch.mask_BT && { mask_BT: batch.mask_BT }) };
  const { loss, result } = within("objective", () => objective.train(built, batch, { source, io }));
  const values = withLateLookups({
    loss,
    total: result.losses.reduce((sum, { value, weight }) => sum.add(value.mul(weight)), loss),
    ...Object.fromEntries(result.losses.map(({ name, value }) => [`loss:${name}`, value])),
    ...Object.fromEntries(Object.entries(result.buffers).map(([path, value]) => [`buffer:${path}`, value])),
  });
  const paths = [...built.model.parameters.keys()];
  const leaves = paths.map((path) => source.leaves.get(path));
  const known = leaves.filter((leaf) => leaf !== undefined);
  const step = differentiate(values, known, options);
  const gradients = new Map(step.gradients.map((g, i) => [known[i]!, g]));
  const gradientOf = (leaf: Tensor | undefined, path: string) =>
    (leaf && gradients.get(leaf)) ?? zeros(built.model.parameters.get(path)!.shape);
  return {
    outputs: {
      ...step.values,
      ...Object.fromEntries(paths.map((path, i) => [`grad:${path}`, gradientOf(leaves[i], path)])),
    },
  };
}

/** The same values, their graphs rewritten together: the gradient must be taken of what is computed. */
function withLateLookups(values: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const moved = lookUpLate(Object.values(values));
  return Object.fromEntries(Object.keys(values).map((name, i) => [name, moved[i]!]));
}

/**
 * Σ weight·cost over a batch: inputs the arrays of a batch, always with `weights`, and with `mask` where the objective is
 * `masked`, `times` f32 [B] where it is `timed`.
 */
export function evaluationProgram(built: BuiltModel, objective: Objective, shape: BatchShape): Program {
  const batch = tracedBatch(built, objective, {
    ...shape,
    weights: true,
    mask: objective.masked || shape.mask === true,
  });
  const times_B = objective.timed ? input("times", [shape.batch]) : undefined;
  const cond_BTD = times_B && objective.condition?.(built, times_B);
  const io = { ...evaluationIo(), ...(batch.mask_BT && { mask_BT: batch.mask_BT }), ...(cond_BTD && { cond_BTD }) };
  const { logits } = built.model.forward(batch.inputs_BT, {
    source: inputSource(),
    io,
    ...(batch.source && { from: batch.source }),
  });
  const read = { inputs_BT: batch.inputs_BT, ...(times_B && { times_B }) };
  const cost = objective.cost?.(logits, batch.targets_BT, built, read) ?? rowLosses(logits, batch.targets_BT);
  return { outputs: { nats: cost.mul(batch.weights_BT!).sum() } };
}
