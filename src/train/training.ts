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
import { RateDrops } from "./rate-drops.ts";
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
  /** Multiplies the schedule's rate of the steps after step `after` by a factor, until another one is set. */
  scaleRate(after: number, factor: number): void;
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
  const drops = new RateDrops();
  const rateFactor = (t: number) => drops.at(t) * scheduleFactor(config.schedule, t - 1, config.steps);
  const optimizer = storedOptimizer(createOptimizer(config.optimizer, rateFactor), config.precision);
  const trainer = await compileTrainer(engine, built, { config, optimizer, shapes: batches.shapes });
  const parts = { engine, trainer, built, optimizer };
  await resetBuffers(parts);
  return new TrainingRun({ config, batches, drops, rateFactor, parts });
}

interface RunParts {
  config: TrainingConfig;
  batches: Batches;
  drops: RateDrops;
  rateFactor: (t: number) => number;
  parts: { engine: Engine; trainer: Trainer; built: BuiltModel; optimizer: Optimizer };
}

class TrainingRun implements Training {
  readonly config: TrainingConfig;
  private readonly with: RunParts;
  private readonly steps: StepRunner;
  private done = 0;
  /** Of a step amid a call, behind which others may have moved the parameters. */
  private fault: SeqlabError | undefined;

  constructor(parts: RunParts) {
    this.config = parts.config;
    this.with = parts;
    this.steps = new StepRunner({ ...parts.parts, ...parts });
  }

  get step(): number {
    return this.done;
  }

  async advance(): Promise<StepRecord> {
    return (await this.advanceBy(1))[0]!;
  }

  async advanceBy(count: number): Promise<StepRecord[]> {
    if (this.fault) throw this.fault;
    const { done, fault } = await this.steps.run(this.done, Math.max(1, count));
    if (count > 1) this.fault = fault;
    if (fault && done.length === 0) throw fault;
    return done.map((one) => this.record(one));
  }

  tokensBefore(steps: number): number {
    return this.with.batches.tokensBefore?.(steps) ?? steps * this.config.batch * this.config.length;
  }

  scaleRate(after: number, factor: number): void {
    this.with.drops.set(after, factor);
  }

  evaluated<T>(work: () => Promise<T>): Promise<T> {
    return withEvaluated(this.with.parts, this.done, work);
  }

  async snapshot(): Promise<Checkpoint> {
    if (this.fault) throw this.fault;
    const data = this.with.batches.position(this.done);
    const state = { step: this.done, seed: this.config.seed, data, ...stateOf(this.steps) };
    return { step: this.done, ...(await readTensors(this.with.parts, this.done)), state };
  }

  async restore(checkpoint: Parameters<Training["restore"]>[0]): Promise<void> {
    const restored = restoredState(checkpoint.state, this.with.batches, this.config);
    await writeTensors(this.with.parts, checkpoint);
    this.fault = undefined;
    this.done = restored.step;
    this.steps.scaler.restore(restored.lossScale);
    this.steps.skips = restored.skips ?? 0;
  }

  dispose(): Promise<void> {
    return this.with.parts.trainer.dispose();
  }

  private record(one: DoneStep): StepRecord {
    const step = ++this.done;
    const learningRate = this.config.optimizer.learningRate * this.with.rateFactor(step);
    return recordOf(one, { step, tokens: this.tokensBefore(step), learningRate });
  }
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
