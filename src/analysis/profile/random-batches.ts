import type { BatchArrays, Batches, BatchShape } from "../../data/index.ts";
import { createRng, type Rng } from "../../ops/index.ts";
import type { BuiltModel, ObjectiveKind } from "../../spec/index.ts";
import { objectiveLosses } from "../../train/index.ts";

/** Endless batches of noise in the shapes that a model's training reads: what they hold changes no time. */
export function randomBatches(built: BuiltModel, { batch, length }: { batch: number; length: number }): Batches {
  const { model } = built;
  const shape: BatchShape = { batch, length, ...(model.readsSource && { sourceLength: length }) };
  return {
    shapes: [shape],
    batch: (step) => ({ arrays: arraysOf(built, shape, createRng(step)), shape: 0, epoch: 0 }),
    position: (step) => ({ step }),
    resume: () => 0,
  };
}

function arraysOf({ model, extraTokens }: BuiltModel, { batch, length }: BatchShape, rng: Rng): BatchArrays {
  const places = batch * length;
  const tokens = Math.max(1, model.vocabulary - Object.keys(extraTokens).length);
  const ids = (count: number, most: number) =>
    Int32Array.from({ length: count }, () => Math.floor(most * rng.uniform()));
  const numbers = (count: number) => Float32Array.from({ length: count }, () => rng.uniform());
  const answers = model.per === "token" ? places : batch;
  const values = objectiveLosses[model.spec.objective.kind as ObjectiveKind].values === true;
  return {
    inputs: model.input.kind === "ids" ? ids(places, tokens) : numbers(places * model.input.size),
    targets: values ? numbers(answers * model.outputs) : ids(answers, Math.min(tokens, model.outputs)),
    ...(model.readsSource && { source: ids(places, tokens), sourceMask: new Uint8Array(places).fill(1) }),
  };
}
