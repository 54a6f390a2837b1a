import type { Io } from "../blocks/index.ts";
import { grad } from "../grad/index.ts";
import type { Source } from "../model/index.ts";
import { randomStream } from "../ops/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import { input, type Program, softmaxCrossEntropy, type Tensor, zeros } from "../tensor/index.ts";
import type { Objective } from "./objectives/index.ts";

/** Rows and columns of a batch. */
export interface BatchShape {
  batch: number;
  length: number;
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
 * One training step's graph: inputs `inputs`, `targets` (i32 [B, T]), `random.seed`, `random.step` and all parameters;
 * outputs `loss` (nats per token), `total` (with auxiliary losses), `loss:…`, `grad:…`, `buffer:…`.
 */
export function trainingProgram(built: BuiltModel, objective: Objective, { batch, length }: BatchShape): Program {
  const source = inputSource();
  const traced = {
    inputs_BT: input("inputs", [batch, length], "i32"),
    targets_BT: input("targets", [batch, length], "i32"),
  };
  const { loss, result } = objective.train(built, traced, { source, io: trainingIo() });
  const total = result.losses.reduce((sum, { value, weight }) => sum.add(value.mul(weight)), loss);
  const paths = [...built.model.parameters.keys()];
  const leaves = paths.map((path) => source.leaves.get(path));
  const known = leaves.filter((leaf) => leaf !== undefined);
  const gradients = new Map(grad(total, known).map((g, i) => [known[i]!, g]));
  const gradientOf = (leaf: Tensor | undefined, path: string) =>
    (leaf && gradients.get(leaf)) ?? zeros(built.model.parameters.get(path)!.shape);
  return {
    outputs: {
      loss,
      total,
      ...Object.fromEntries(result.losses.map(({ name, value }) => [`loss:${name}`, value])),
      ...Object.fromEntries(paths.map((path, i) => [`grad:${path}`, gradientOf(leaves[i], path)])),
      ...Object.fromEntries(Object.entries(result.buffers).map(([path, value]) => [`buffer:${path}`, value])),
    },
  };
}

/** Σ weight·nats over a batch: inputs `inputs`, `targets` (i32), `weights` (f32) and, where `masked`, `mask` (bool), all [B, T]. */
export function evaluationProgram(
  { model }: BuiltModel,
  { masked }: Objective,
  { batch, length }: BatchShape,
): Program {
  const shape = [batch, length];
  const io = { ...evaluationIo(), ...(masked && { mask_BT: input("mask", shape, "bool") }) };
  const { logits } = model.forward(input("inputs", shape, "i32"), { source: inputSource(), io });
  const nats = softmaxCrossEntropy(logits, input("targets", shape, "i32"));
  return { outputs: { nats: nats.mul(input("weights", shape)).sum() } };
}
