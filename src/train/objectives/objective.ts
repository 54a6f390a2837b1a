import type { ModelResult, TraceContext } from "../../model/index.ts";
import type { Rng } from "../../ops/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import type { Tensor } from "../../tensor/index.ts";

/** A batch inside a graph: sequences of T ids (or F features a token) and what is to be predicted at each. */
export interface TracedBatch {
  /** i32 [B, T], or f32 [B, T, F]. */
  inputs_BT: Tensor;
  /** i32 [B, T]; where one answer stands for the sequence i32 [B], or f32 [B, C]. */
  targets_BT: Tensor;
  /** f32 in the shape of the targets' tokens: how much each counts; absent: all alike. */
  weights_BT?: Tensor;
  /** bool [B, T], true at real inputs; absent: all. */
  mask_BT?: Tensor;
  /** What an encoder reads. */
  source?: { ids_BS: Tensor; mask_BS: Tensor };
}

/** Losses of a training batch, f32 []. */
export interface TracedLoss {
  /** Nats per token, without auxiliary losses: what curves show. */
  loss: Tensor;
  result: ModelResult;
}

/** Windows of validation text as arrays, W × T, with 1 in `mask` at real tokens. */
export interface EvaluationWindows {
  count: number;
  length: number;
  /** Ids [W·T], or features [W·T·F]. */
  inputs: Int32Array | Float32Array;
  /** [W·T]; [W] ids or [W·C] values where one answer stands for the sequence. */
  targets: Int32Array | Float32Array;
  mask: Uint8Array;
  /** What an encoder reads for each window, W × S. */
  source?: { length: number; ids: Int32Array; mask: Uint8Array };
}

/** What the evaluation graph is fed for some windows: Σ weight · cost is its output, nats unless the objective says otherwise. */
export interface EvaluationFeed {
  ids: Int32Array | Float32Array;
  targets: Int32Array | Float32Array;
  /** One a target. */
  weights: Float32Array;
  /** One a window, where the objective is `timed`: how far the noise had gone. */
  times?: Float32Array;
}

/** What the evaluation's graph has read: ids [B, T] as fed, and f32 [B] where the objective is `timed`. */
export interface TracedInputs {
  inputs_BT: Tensor;
  times_B?: Tensor;
}

/** What a model is trained for. */
export interface Objective {
  kind: string;
  /** Whether bits per byte are exact, a bound, or a pseudo-likelihood, which compares with its like only. */
  bound: "exact" | "upper-bound" | "pseudo";
  /** Whether targets are numbers, f32 [B, C], instead of ids. */
  values?: boolean;
  /** Cost of every target, in the shape of the weights; absent: −log p(target), nats. */
  cost?(logits: Tensor, targets: Tensor, built: BuiltModel, read: TracedInputs): Tensor;
  /** Whether evaluation feeds a padding mask (models that look at both sides need it). */
  masked: boolean;
  /** Whether evaluation feeds a time of each window. */
  timed?: boolean;
  /** What parts read of the time f32 [B] as their condition (`io.cond_BTD`); undefined where the model is not told it. */
  condition?(built: BuiltModel, times_B: Tensor): Tensor | undefined;
  train(built: BuiltModel, batch: TracedBatch, context: TraceContext): TracedLoss;
  /** Passes over the windows, each an estimate of (or exactly) the total nats. */
  draws(options: { draws: number }, built: BuiltModel): number;
  feed(windows: EvaluationWindows, built: BuiltModel, at: { draw: number; draws: number; rng: Rng }): EvaluationFeed;
}
