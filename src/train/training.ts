import { z } from "zod";
import { type Checkpoint, type LoadedCheckpoint, parseStored } from "../checkpoints/index.ts";
import { type Batches, type BatchShape, createBatches } from "../data/index.ts";
import type { Engine, Trainer } from "../engine/index.ts";
import { initialise } from "../model/index.ts";
import type { BuiltModel, ObjectiveKind } from "../spec/index.ts";
import { fail, type SeqlabError } from "../tensor/index.ts";
import type { TrainingConfig } from "./config.ts";
import { lossScaleState } from "./loss-scale.ts";
import { haveShares, microShape } from "./micro-batches.ts";
import { objectiveLosses } from "./objectives/index.ts";
import { createOptimizer, type Optimizer } from "./optimizers/index.ts";
import { roundNumbers, storedOptimizer } from "./precision/index.ts";
import { trainingProgram } from "./programs.ts";
import { scheduleFactor } from "./schedules/index.ts";
import { type DoneStep, StepRunner } from "./steps.ts";
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
  /** Of a dynamic loss scale. */
  lossScale?: number;
  /** Where the batch was left out, as it was not finite. */
  skipped?: true;
}

/** A model being trained in an engine; its parameters are resident there under their paths. */
export interface Training {
  readonly config: TrainingConfig;
  /** Steps done. */
  readonly step: number;
  /** Tokens that are predicted in the first `steps` steps. */
  tokensBefore(steps: number): number;
  /** Does one step. Throws E_TRAIN_FINITE, parameters untouched, where loss or gradient is not finite. */
  advance(): Promise<StepRecord>;
  /**
   * Does `count` steps, handed to the engine at once. Where one is not finite the ones before it are returned, and the error
   * is thrown by the next call: the steps behind it may have moved the parameters.
   */
  advanceBy(count: number): Promise<StepRecord[]>;
  /** Runs work while what is to be evaluated is resident: the optimizer's average of the parameters where it keeps one. */
  evaluated<T>(work: () => Promise<T>): Promise<T>;
  /** Everything that continues the run, as a checkpoint holds it. */
  snapshot(): Promise<Checkpoint>;
  restore(checkpoint: Pick<LoadedCheckpoint, "weights" | "optimizer" | "state">): Promise<void>;
  dispose(): Promise<void>;
}

const stateSchema = z.strictObject({
  step: z.int().nonnegative(),
  seed: z.int().nonnegative(),
  data: z.json(),
  lossScale: lossScaleState.exactOptional(),
  skips: z.int().positive().exactOptional(),
});
type TrainingState = z.output<typeof stateSchema>;

/** What is trained on: windows of one text's ids, or batches made elsewhere. */
export type TrainingData = { ids: Int32Array } | { batches: Batches };

/** Compiles the training step of a model over its data and draws its parameters. */
export async function createTraining(
  engine: Engine,
  built: BuiltModel,
  { config, ...data }: { config: TrainingConfig } & TrainingData,
): Promise<Training> {
  const batches = "batches" in data ? data.batches : createBatches({ ...config, ids: data.ids });
  const rateFactor = (t: number) => scheduleFactor(config.schedule, t - 1, config.steps);
  const optimizer = storedOptimizer(createOptimizer(config.optimizer, rateFactor), config.precision);
  const trainer = await compileTrainer(engine, built, { config, optimizer, shapes: batches.shapes });
  const parts = { engine, trainer, built, optimizer };
  await resetBuffers(parts);
  const steps = new StepRunner({ trainer, optimizer, batches, config });
  let step = 0;
  /** Of a step amid a call, behind which others may have moved the parameters. */
  let fault: SeqlabError | undefined;
  const tokensBefore = (steps: number) => batches.tokensBefore?.(steps) ?? steps * config.batch * config.length;
  const advanceBy = async (count: number) => {
    if (fault) throw fault;
    const { done, fault: found } = await steps.run(step, Math.max(1, count));
    if (count > 1) fault = found;
    if (found && done.length === 0) throw found;
    return done.map((one) =>
      recordOf(one, {
        step: ++step,
        tokens: tokensBefore(step),
        learningRate: config.optimizer.learningRate * rateFactor(step),
      }),
    );
  };
  return {
    config,
    get step() {
      return step;
    },
    advance: async () => (await advanceBy(1))[0]!,
    advanceBy,
    tokensBefore,
    evaluated: (work) => withEvaluated(parts, step, work),
    async snapshot() {
      if (fault) throw fault;
      const state = { step, seed: config.seed, data: batches.position(step), ...stateOf(steps) };
      return { step, ...(await readTensors(parts, step)), state };
    },
    async restore(checkpoint) {
      const restored = restoredState(checkpoint.state, batches, config);
      await writeTensors(parts, checkpoint);
      fault = undefined;
      step = restored.step;
      steps.scaler.restore(restored.lossScale);
      steps.skips = restored.skips ?? 0;
    },
    dispose: () => trainer.dispose(),
  };
}

const stateOf = ({ scaler, skips }: StepRunner): Pick<TrainingState, "lossScale" | "skips"> => ({
  ...(scaler.state && { lossScale: scaler.state }),
  ...(skips > 0 && { skips }),
});

function compileTrainer(
  engine: Engine,
  built: BuiltModel,
  { config, optimizer, shapes }: { config: TrainingConfig; optimizer: Optimizer; shapes: readonly BatchShape[] },
): Promise<Trainer> {
  const { model } = built;
  const { accumulate, precision, rematerialise, lossScale } = config;
  const objective = objectiveLosses[model.spec.objective.kind as ObjectiveKind];
  const values = initialise(model, config.seed);
  const kept = precision.master ? "f32" : precision.parameters;
  const [program, ...others] = shapes.map((shape) =>
    trainingProgram(built, objective, microShape(shape, accumulate), {
      rematerialise,
      precision,
      scaled: lossScale.kind !== "none",
      shared: haveShares(shape, accumulate),
    }),
  );
  return engine.trainer({
    program: program!,
    others,
    rule: optimizer.of({ role: "matrix" }).rule,
    parameters: [...model.parameters].map(([name, declaration]) => ({
      name,
      shape: declaration.shape,
      value: roundNumbers(values.get(name)!, kept),
      ...optimizer.of(declaration),
    })),
    ...(config.optimizer.clipNorm !== null && { clipNorm: config.optimizer.clipNorm }),
  });
}

function recordOf(
  { result: { outputs, gradNorm }, epoch, lossScale, skipped }: DoneStep,
  at: { step: number; tokens: number; learningRate: number },
): StepRecord {
  return {
    ...{ ...at, epoch, loss: outputs["loss"]!, losses: auxiliary(outputs), gradNorm },
    ...(lossScale !== undefined && { lossScale }),
    ...(skipped && { skipped }),
  };
}

function auxiliary(outputs: Readonly<Record<string, number>>): Record<string, number> {
  const entries = Object.entries(outputs).filter(([name]) => name.startsWith("loss:"));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice("loss:".length), value]));
}

function restoredState(state: unknown, batches: Batches, { seed }: TrainingConfig): TrainingState {
  const found = parseStored(stateSchema, state, { where: "checkpoint state", code: "E_CHECKPOINT_STATE" });
  if (found.seed !== seed)
    fail({
      code: "E_CHECKPOINT_STATE",
      where: "checkpoint state.seed",
      expected: String(seed),
      got: String(found.seed),
    });
  return { ...found, step: batches.resume(found.data) };
}
