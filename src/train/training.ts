import { z } from "zod";
import {
  type Checkpoint,
  float32Of,
  type LoadedCheckpoint,
  parseStored,
  type StoredTensor,
  type StoredTensors,
} from "../checkpoints/index.ts";
import { type Batches, createBatches } from "../data/index.ts";
import type { Engine, Trainer } from "../engine/index.ts";
import { initialise } from "../model/index.ts";
import type { BuiltModel, ObjectiveKind } from "../spec/index.ts";
import { fail, type Shape, sameShape, sizeOf } from "../tensor/index.ts";
import type { TrainingConfig } from "./config.ts";
import { objectiveLosses } from "./objectives/index.ts";
import { adamScalars, adamw, groupScalars } from "./optimizers.ts";
import { trainingProgram } from "./programs.ts";
import { scheduleFactor } from "./schedules.ts";

/** What one optimizer step says of itself. */
export interface StepRecord {
  /** Steps done, this one included. */
  step: number;
  /** Training tokens so far. */
  tokens: number;
  epoch: number;
  /** Nats per token, without auxiliary losses. */
  loss: number;
  /** Auxiliary losses by name. */
  losses: Readonly<Record<string, number>>;
  /** Global L2 norm before clipping. */
  gradNorm: number;
  learningRate: number;
}

/** A model being trained in an engine; its parameters are resident there under their paths. */
export interface Training {
  readonly config: TrainingConfig;
  /** Steps done. */
  readonly step: number;
  /** Does one step. Throws E_TRAIN_FINITE, parameters untouched, where loss or gradient is not finite. */
  advance(): Promise<StepRecord>;
  /** Everything that continues the run, as a checkpoint holds it. */
  snapshot(): Promise<Checkpoint>;
  restore(checkpoint: Pick<LoadedCheckpoint, "weights" | "optimizer" | "state">): Promise<void>;
  dispose(): Promise<void>;
}

const slots = ["m", "v"] as const;
const stateSchema = z.strictObject({ step: z.int().nonnegative(), seed: z.int().nonnegative(), data: z.json() });

/** Compiles the training step of a model over token ids and draws its parameters. */
export async function createTraining(
  engine: Engine,
  built: BuiltModel,
  { ids, config }: { ids: Int32Array; config: TrainingConfig },
): Promise<Training> {
  const batches = createBatches({ ids, seed: config.seed, batch: config.batch, length: config.length });
  const trainer = await compileTrainer(engine, built, config);
  await resetBuffers(engine, built);
  const seed = Uint32Array.of(config.seed);
  let step = 0;
  return {
    config,
    get step() {
      return step;
    },
    async advance() {
      const { inputs, targets, epoch } = batches.batch(step);
      const learningRate = config.optimizer.learningRate * scheduleFactor(config.schedule, step, config.steps);
      const feeds = { inputs, targets, "random.seed": seed, "random.step": Uint32Array.of(step) };
      const { outputs, gradNorm } = await trainer.step([feeds], adamScalars(config.optimizer, step + 1, learningRate));
      if (!Number.isFinite(gradNorm) || !Number.isFinite(outputs["loss"]))
        rejectStep(step + 1, outputs["loss"]!, gradNorm);
      step++;
      return {
        step,
        tokens: step * config.batch * config.length,
        epoch,
        loss: outputs["loss"]!,
        losses: auxiliary(outputs),
        gradNorm,
        learningRate,
      };
    },
    snapshot: async () => ({
      step,
      weights: { ...tensorsOf(built, await trainer.read("parameters")), ...(await readBuffers(engine, built)) },
      optimizer: await readSlots(trainer, built),
      state: { step, seed: config.seed, data: batches.position(step) },
    }),
    async restore(checkpoint) {
      step = restoredStep(checkpoint.state, batches, config);
      await trainer.write("parameters", valuesOf(built, checkpoint.weights, ""));
      for (const slot of slots) await trainer.write({ slot }, valuesOf(built, checkpoint.optimizer, `${slot}.`));
      await writeBuffers(engine, built, checkpoint.weights);
    },
    dispose: () => trainer.dispose(),
  };
}

function compileTrainer(engine: Engine, built: BuiltModel, config: TrainingConfig): Promise<Trainer> {
  const { model } = built;
  const objective = objectiveLosses[model.spec.objective.kind as ObjectiveKind];
  const values = initialise(model, config.seed);
  return engine.trainer({
    program: trainingProgram(built, objective, config),
    rule: adamw(config.optimizer),
    parameters: [...model.parameters].map(([name, declaration]) => ({
      name,
      shape: declaration.shape,
      value: values.get(name)!,
      scalars: groupScalars(declaration, config.optimizer),
    })),
    ...(config.optimizer.clipNorm !== null && { clipNorm: config.optimizer.clipNorm }),
  });
}

function rejectStep(step: number, loss: number, gradNorm: number): never {
  fail({
    code: "E_TRAIN_FINITE",
    where: `training step ${step}`,
    expected: "a finite loss and gradient",
    got: `loss ${loss}, gradient norm ${gradNorm}`,
    hint: "The parameters are those of the step before. Lower the learning rate, lengthen the warm-up, or look at the data.",
  });
}

function auxiliary(outputs: Readonly<Record<string, number>>): Record<string, number> {
  const entries = Object.entries(outputs).filter(([name]) => name.startsWith("loss:"));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice("loss:".length), value]));
}

const stored = (data: Float32Array, shape: Shape) => ({ dtype: "F32" as const, shape: [...shape], data });

function tensorsOf({ model }: BuiltModel, values: Readonly<Record<string, Float32Array>>, prefix = ""): StoredTensors {
  return Object.fromEntries(
    [...model.parameters].map(([path, { shape }]) => [`${prefix}${path}`, stored(values[path]!, shape)]),
  );
}

async function readSlots(trainer: Trainer, built: BuiltModel): Promise<StoredTensors> {
  const all: Record<string, StoredTensor> = {};
  for (const slot of slots) Object.assign(all, tensorsOf(built, await trainer.read({ slot }), `${slot}.`));
  return all;
}

/** Parameters of a file by path; each must be there in its declared shape. */
function valuesOf({ model }: BuiltModel, tensors: StoredTensors, prefix: string): Record<string, Float32Array> {
  return Object.fromEntries(
    [...model.parameters].map(([path, { shape }]) => [path, storedValue(tensors, `${prefix}${path}`, shape)]),
  );
}

function storedValue(tensors: StoredTensors, name: string, shape: Shape): Float32Array {
  const tensor = tensors[name];
  if (tensor === undefined || !sameShape(tensor.shape, shape))
    fail({
      code: "E_CHECKPOINT_TENSOR",
      where: name,
      expected: `a tensor of shape [${shape.join(", ")}]`,
      got: tensor ? `[${tensor.shape.join(", ")}]` : "none",
      hint: "The checkpoint belongs to another spec.",
    });
  return float32Of(tensor);
}

async function resetBuffers(engine: Engine, { model }: BuiltModel): Promise<void> {
  for (const [path, shape] of model.buffers)
    await engine.put(path, { data: new Float32Array(sizeOf(shape)), shape, dtype: "f32" });
}

async function readBuffers(engine: Engine, { model }: BuiltModel): Promise<StoredTensors> {
  const all: Record<string, StoredTensor> = {};
  for (const [path, shape] of model.buffers) all[path] = stored((await engine.get(path)) as Float32Array, shape);
  return all;
}

async function writeBuffers(engine: Engine, { model }: BuiltModel, tensors: StoredTensors): Promise<void> {
  for (const [path, shape] of model.buffers)
    await engine.put(path, { data: storedValue(tensors, path, shape), shape, dtype: "f32" });
}

function restoredStep(state: unknown, batches: Batches, { seed }: TrainingConfig): number {
  const found = parseStored(stateSchema, state, { where: "checkpoint state", code: "E_CHECKPOINT_STATE" });
  if (found.seed !== seed)
    fail({
      code: "E_CHECKPOINT_STATE",
      where: "checkpoint state.seed",
      expected: String(seed),
      got: String(found.seed),
    });
  return batches.resume(found.data);
}
