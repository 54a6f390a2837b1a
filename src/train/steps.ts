/** Optimizer steps: the micro-batches of each, the loss scale, and what becomes of numbers that are not finite. */
import type { Batches } from "../data/index.ts";
import type { StepResult, Trainer } from "../engine/index.ts";
import { SeqlabError } from "../tensor/index.ts";
import type { TrainingConfig } from "./config.ts";
import { gradientInputs } from "./gradients.ts";
import { createLossScaler, type LossScaler } from "./loss-scale.ts";
import { microBatches } from "./micro-batches.ts";
import type { Optimizer } from "./optimizers/index.ts";

export interface StepParts {
  trainer: Trainer;
  optimizer: Optimizer;
  batches: Batches;
  config: TrainingConfig;
}

/** One step done, or left out because it was not finite. */
export interface DoneStep {
  result: StepResult;
  epoch: number;
  /** Of the loss; only where it moves. */
  lossScale?: number;
  skipped: boolean;
}

/** Batches in a row that may be left out before training counts as failed. */
const mostSkips = 20;

export class StepRunner {
  readonly scaler: LossScaler;
  /** Batches left out since the last one that was not. */
  skips = 0;
  private readonly parts: StepParts;
  /** Scale of the attempt that counted. */
  private scale = 1;

  constructor(parts: StepParts) {
    this.parts = parts;
    this.scaler = createLossScaler(parts.config.lossScale);
  }

  /**
   * Steps `first` + 1 … `first` + `count`: all handed to the engine at once, so that it goes from one to the next by itself,
   * unless the loss scale of one depends on the one before. Ends early with the fault of a step that was not finite.
   */
  async run(first: number, count: number): Promise<{ done: DoneStep[]; fault?: SeqlabError }> {
    const steps = Array.from({ length: count }, (_, i) => first + i);
    const together = this.scaler.state === undefined;
    const results = together ? await Promise.all(steps.map((step) => this.attempt(step))) : [];
    const done: DoneStep[] = [];
    for (const [i, step] of steps.entries()) {
      const result = results[i] ?? (await this.persist(step));
      const skipped = !isGood(result);
      if (skipped && (this.parts.config.nonFinite === "stop" || this.skips === mostSkips))
        return { done, fault: faultOf(result, step + 1, together ? count - i - 1 : 0) };
      this.skips = skipped ? this.skips + 1 : 0;
      done.push(this.describe(step, { result, skipped }));
    }
    return { done };
  }

  /** Once more with a smaller scale, as long as that may help. */
  private async persist(step: number): Promise<StepResult> {
    for (;;) {
      this.scale = this.scaler.scale;
      const result = await this.attempt(step);
      if (isGood(result)) this.scaler.succeeded();
      const overflowed = Number.isFinite(result.outputs["loss"]) && !Number.isFinite(result.gradNorm);
      if (!overflowed || !this.scaler.overflowed()) return result;
    }
  }

  private attempt(step: number): Promise<StepResult> {
    const { trainer, optimizer, batches, config } = this.parts;
    const shared = {
      "random.seed": Uint32Array.of(config.seed),
      [gradientInputs.one]: Float32Array.of(1),
      [gradientInputs.scale]: Float32Array.of(this.scaler.scale),
    };
    const { arrays, shape } = batches.batch(step);
    const feeds = microBatches(arrays, config.accumulate).map((rows, i) => ({
      ...rows,
      ...shared,
      // Every micro-batch draws for itself.
      "random.step": Uint32Array.of(step * config.accumulate + i),
    }));
    return trainer.step(feeds, optimizer.scalarsAt(step + 1), shape);
  }

  private describe(step: number, outcome: Pick<DoneStep, "result" | "skipped">): DoneStep {
    const { epoch } = this.parts.batches.batch(step);
    return { ...outcome, epoch, ...(this.scaler.state && { lossScale: this.scale }) };
  }
}

const isGood = ({ outputs, gradNorm }: StepResult): boolean =>
  Number.isFinite(outputs["loss"]) && Number.isFinite(gradNorm);

function faultOf({ outputs, gradNorm }: StepResult, step: number, behind: number): SeqlabError {
  const parameters =
    behind === 0
      ? "The parameters are those of the step before."
      : `The ${behind} steps behind it in the same call may have moved the parameters.`;
  return new SeqlabError({
    code: "E_TRAIN_FINITE",
    where: `training step ${step}`,
    expected: "a finite loss and gradient",
    got: `loss ${outputs["loss"]}, gradient norm ${gradNorm}`,
    hint: `${parameters} Lower the learning rate, lengthen the warm-up, or look at the data.`,
  });
}
