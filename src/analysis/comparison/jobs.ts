import type { TokenizerJSON } from "../../data/index.ts";
import type { ModelSpec } from "../../model/index.ts";
import type { Evaluation, TrainingConfig } from "../../train/index.ts";
import type { CurvePoint, DecodePoint, Figure } from "./results.ts";

interface ModelJob {
  spec: ModelSpec;
  /** Ids of the tokenizer. */
  tokens: number;
  threads: number;
}

/** Trains and evaluates one model with one seed. Id files hold little-endian int32. */
export interface TrainJob extends ModelJob {
  kind: "train";
  config: TrainingConfig;
  trainIds: string;
  validationIds: string;
  validationBytes: number;
  /** Monte-Carlo draws of upper bounds. */
  draws: number;
  /** Where the trained weights go (safetensors). */
  weights: string;
}

export interface TrainOutcome {
  evaluation: Evaluation;
  curve: CurvePoint[];
  /** Of the steps after the first three. */
  tokensPerS: number;
  baselineBytes: number;
  /** Peak resident minus baseline, training only. */
  peakBytes: number;
  seconds: number;
}

/** Times a few training steps, to turn minutes into tokens. */
export interface TrialJob extends ModelJob {
  kind: "trial";
  config: TrainingConfig;
  trainIds: string;
  /** Seconds of timed steps. */
  seconds: number;
}

export interface TrialOutcome {
  tokensPerS: number;
}

/** Measures decoding of trained weights, and lets the model write. */
export interface DecodeJob extends ModelJob {
  kind: "decode";
  weights: string;
  tokenizer: TokenizerJSON;
  prompt: string;
  sampleTokens: number;
  /** Window the model was trained with. */
  context: number;
  seed: number;
  /** Ids of which the timed prompt is the beginning. */
  validationIds: string;
  /** Contexts at which single tokens are timed. */
  contexts: readonly number[];
}

export interface DecodeOutcome {
  decodeTokensPerS: Figure;
  firstTokenMs: Figure;
  decode: DecodePoint[];
  note?: string;
  baselineBytes: number;
  peakBytes: number;
  sample: string;
}

/** Text of a model, trained or (without weights) as initialised. */
export interface SampleJob extends ModelJob {
  kind: "sample";
  weights: string | null;
  tokenizer: TokenizerJSON;
  prompt: string;
  sampleTokens: number;
  context: number;
  seed: number;
}

export interface SampleOutcome {
  text: string;
}

export type Job = TrainJob | TrialJob | DecodeJob | SampleJob;

export interface Outcomes {
  train: TrainOutcome;
  trial: TrialOutcome;
  decode: DecodeOutcome;
  sample: SampleOutcome;
}

/** How far a job is, in its own units. */
export interface JobProgress {
  done: number;
  total: number;
  unit: string;
  /** Units a second. */
  rate?: number;
  loss?: number;
}
