/**
 * A training's tensors as checkpoints hold them. The weights are those that evaluation and generation use: where the optimizer
 * keeps an average, that is the average, and the parameters that go on training stand beside the optimizer's slots as `live.…`.
 */
import { float32Of, type LoadedCheckpoint, type StoredTensor, type StoredTensors } from "../checkpoints/index.ts";
import { type Engine, slotShapesOf, type Trainer } from "../engine/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import { fail, type Shape, sameShape, sizeOf } from "../tensor/index.ts";
import type { Optimizer } from "./optimizers/index.ts";

/** What holds the state of a training. */
export interface TrainingParts {
  engine: Engine;
  trainer: Trainer;
  built: BuiltModel;
  optimizer: Optimizer;
}

type Values = Readonly<Record<string, Float32Array>>;
type Shapes = ReadonlyMap<string, Shape>;

/** Weights, buffers and slots after `step` steps. */
export async function readTensors(
  parts: TrainingParts,
  step: number,
): Promise<{ weights: StoredTensors; optimizer: StoredTensors }> {
  const { trainer, optimizer, built } = parts;
  const shapes = parameterShapes(built);
  const live = await trainer.read("parameters");
  const weights = { ...stored(await evaluatedParameters(parts, step), shapes), ...(await readBuffers(parts)) };
  const slots: Record<string, StoredTensor> = {};
  for (const [slot, slotShapes] of storedSlots(parts))
    Object.assign(slots, stored(await trainer.read({ slot }), slotShapes, `${slot}.`));
  return { weights, optimizer: { ...slots, ...(optimizer.evaluates !== undefined && stored(live, shapes, "live.")) } };
}

/** Puts back what `readTensors` read. Throws E_CHECKPOINT_TENSOR where a tensor is missing or of another shape. */
export async function writeTensors(
  parts: TrainingParts,
  checkpoint: Pick<LoadedCheckpoint, "weights" | "optimizer">,
): Promise<void> {
  const { trainer, optimizer, built, engine } = parts;
  const weights = valuesOf(checkpoint.weights, parameterShapes(built));
  const slots = [...storedSlots(parts)].map(
    ([slot, shapes]) => [slot, valuesOf(checkpoint.optimizer, shapes, `${slot}.`)] as const,
  );
  const { evaluates: slot } = optimizer;
  await trainer.write(
    "parameters",
    slot === undefined ? weights : valuesOf(checkpoint.optimizer, parameterShapes(built), "live."),
  );
  if (slot !== undefined) await trainer.write({ slot }, weights);
  for (const [slot, values] of slots) await trainer.write({ slot }, values);
  for (const [path, shape] of built.model.buffers)
    await engine.put(path, { data: storedValue(checkpoint.weights, path, shape), shape, dtype: "f32" });
}

/** Sets every buffer to 0. */
export async function resetBuffers({ engine, built }: TrainingParts): Promise<void> {
  for (const [path, shape] of built.model.buffers)
    await engine.put(path, { data: new Float32Array(sizeOf(shape)), shape, dtype: "f32" });
}

/** Runs work while the parameters that are to be evaluated are in the place of those that train. */
export async function withEvaluated<T>(parts: TrainingParts, step: number, work: () => Promise<T>): Promise<T> {
  if (parts.optimizer.evaluates === undefined) return work();
  const live = await parts.trainer.read("parameters");
  await parts.trainer.write("parameters", await evaluatedParameters(parts, step));
  try {
    return await work();
  } finally {
    await parts.trainer.write("parameters", live);
  }
}

/** The average, once a step has made one, else the parameters. */
async function evaluatedParameters({ trainer, optimizer }: TrainingParts, step: number): Promise<Values> {
  const live = await trainer.read("parameters");
  if (optimizer.evaluates === undefined || step === 0) return live;
  return { ...live, ...(await trainer.read({ slot: optimizer.evaluates })) };
}

const parameterShapes = ({ model }: BuiltModel): Shapes =>
  new Map([...model.parameters].map(([path, { shape }]) => [path, shape]));

/** Every slot but the one that is saved as weights, with the shapes of the parameters that have it. */
function storedSlots({ built, optimizer }: TrainingParts): Map<string, Map<string, Shape>> {
  const slots = new Map<string, Map<string, Shape>>();
  for (const [path, declaration] of built.model.parameters)
    for (const [slot, shape] of Object.entries(slotShapesOf(optimizer.of(declaration).rule, declaration.shape)))
      slots.set(slot, (slots.get(slot) ?? new Map<string, Shape>()).set(path, shape));
  if (optimizer.evaluates !== undefined) slots.delete(optimizer.evaluates);
  return slots;
}

async function readBuffers({ engine, built }: TrainingParts): Promise<StoredTensors> {
  const values: Record<string, Float32Array> = {};
  // The reference engine keeps them in f64; files hold f32.
  for (const path of built.model.buffers.keys()) values[path] = Float32Array.from(await engine.get(path));
  return stored(values, built.model.buffers);
}

function stored(values: Values, shapes: Shapes, prefix = ""): Record<string, StoredTensor> {
  const entries = [...shapes].map(([path, shape]) => [
    `${prefix}${path}`,
    { dtype: "F32", shape: [...shape], data: values[path]! },
  ]);
  return Object.fromEntries(entries) as Record<string, StoredTensor>;
}

const valuesOf = (tensors: StoredTensors, shapes: Shapes, prefix = ""): Values =>
  Object.fromEntries([...shapes].map(([path, shape]) => [path, storedValue(tensors, `${prefix}${path}`, shape)]));

function storedValue(tensors: StoredTensors, name: string, shape: Shape): Float32Array {
  const tensor = tensors[name];
  if (tensor === undefined || !sameShape(tensor.shape, shape))
    fail({
      code: "E_CHECKPOINT_TENSOR",
      where: name,
      expected: `a tensor of shape [${shape.join(", ")}]`,
      got: tensor ? `[${tensor.shape.join(", ")}]` : "none",
      hint: "The checkpoint belongs to another spec or optimizer.",
    });
  return float32Of(tensor);
}
