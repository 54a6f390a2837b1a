import { z } from "zod";
import { type Checkpoint, type LoadedCheckpoint, parseStored } from "../checkpoints/index.ts";
import { type Batches, createBatches } from "../data/index.ts";
import type { Engine, StepResult, Trainer } from "../engine/index.ts";
import { initialise } from "../model/index.ts";
import type { BuiltModel, ObjectiveKind } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import type { TrainingConfig } from "./config.ts";
import { objectiveLosses } from "./objectives/index.ts";
import { createOptimizer, type Optimizer } from "./optimizers/index.ts";
import { trainingProgram } from "./programs.ts";
import { scheduleFactor } from "./schedules/index.ts";
import { readTensors, resetBuffers, withEvaluated, writeTensors } from "./training-state.ts";

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
  /** Runs work while what is to be evaluated is resident: the optimizer's average of the parameters where it keeps one. */
  evaluated<T>(work: () => Promise<T>): Promise<T>;
  /** Everything that continues the run, as a checkpoint holds it. */
  snapshot(): Promise<Checkpoint>;
  restore(checkpoint: Pick<LoadedCheckpoint, "weights" | "optimizer" | "state">): Promise<void>;
  dispose(): Promise<void>;
}

const stateSchema = z.strictObject({ step: z.int().nonnegative(), seed: z.int().nonnegative(), data: z.json() });

/** Compiles the training step of a model over token ids and draws its parameters. */
export async function createTraining(
  engine: Engine,
  built: BuiltModel,
  { ids, config }: { ids: Int32Array; config: TrainingConfig },
): Promise<Training> {
  const batches = createBatches({ ids, seed: config.seed, batch: config.batch, length: config.length });
  const rateFactor = (t: number) => scheduleFactor(config.schedule, t - 1, config.steps);
  const optimizer = createOptimizer(config.optimizer, rateFactor);
  const trainer = await compileTrainer(engine, built, { config, optimizer });
  const parts = { engine, trainer, built, optimizer };
  await resetBuffers(parts);
  const seed = Uint32Array.of(config.seed);
  let step = 0;
  return {
    config,
    get step() {
      return step;
    },
    async advance() {
      const { inputs, targets, epoch } = batches.batch(step);
      const feeds = { inputs, targets, "random.seed": seed, "random.step": Uint32Array.of(step) };
      const result = await trainer.step([feeds], optimizer.scalarsAt(step + 1));
      assertFinite(result, step + 1);
      step++;
      return recordOf(result, { config, step, epoch, learningRate: config.optimizer.learningRate * rateFactor(step) });
    },
    evaluated: (work) => withEvaluated(parts, step, work),
    snapshot: async () => ({
      step,
      ...(await readTensors(parts, step)),
      state: { step, seed: config.seed, data: batches.position(step) },
    }),
    async restore(checkpoint) {
      const restored = restoredStep(checkpoint.state, batches, config);
      await writeTensors(parts, checkpoint);
      step = restored;
    },
    dispose: () => trainer.dispose(),
  };
}

function compileTrainer(
  engine: Engine,
  built: BuiltModel,
  { config, optimizer }: { config: TrainingConfig; optimizer: Optimizer },
): Promise<Trainer> {
  const { model } = built;
  const objective = objectiveLosses[model.spec.objective.kind as ObjectiveKind];
  const values = initialise(model, config.seed);
  return engine.trainer({
    program: trainingProgram(built, objective, config),
    rule: optimizer.of({ role: "matrix" }).rule,
    parameters: [...model.parameters].map(([name, declaration]) => ({
      name,
      shape: declaration.shape,
      value: values.get(name)!,
      ...optimizer.of(declaration),
    })),
    ...(config.optimizer.clipNorm !== null && { clipNorm: config.optimizer.clipNorm }),
  });
}

function assertFinite({ outputs, gradNorm }: StepResult, step: number): void {
  const loss = outputs["loss"]!;
  if (Number.isFinite(gradNorm) && Number.isFinite(loss)) return;
  fail({
    code: "E_TRAIN_FINITE",
    where: `training step ${step}`,
    expected: "a finite loss and gradient",
    got: `loss ${loss}, gradient norm ${gradNorm}`,
    hint: "The parameters are those of the step before. Lower the learning rate, lengthen the warm-up, or look at the data.",
  });
}

function recordOf(
  { outputs, gradNorm }: StepResult,
  { config, step, ...rest }: { config: TrainingConfig; step: number; epoch: number; learningRate: number },
): StepRecord {
  const tokens = step * config.batch * config.length;
  return { step, tokens, loss: outputs["loss"]!, losses: auxiliary(outputs), gradNorm, ...rest };
}

function auxiliary(outputs: Readonly<Record<string, number>>): Record<string, number> {
  const entries = Object.entries(outputs).filter(([name]) => name.startsWith("loss:"));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice("loss:".length), value]));
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
