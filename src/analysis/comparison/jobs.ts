import type { TokenizerJSON } from "../../data/index.ts";
import type { EngineKind } from "../../engine/index.ts";
import type { ModelSpec } from "../../model/index.ts";
import type { CodecJSON, DatasetDescription, Score } from "../../tasks/index.ts";
import type { Evaluation, TrainingConfig } from "../../train/index.ts";
import type { CurvePoint, DecodePoint, Figure } from "./results.ts";

/** What a job trains on and is judged by: ids of a text in files (little-endian int32), or a dataset that it opens by itself. */
export type JobData =
  | { kind: "text"; trainIds: string; validationIds: string; validationBytes: number }
  | {
      kind: "dataset";
      description: DatasetDescription;
      codec: CodecJSON | null;
      /** What its facts must hash to, or the job fails. */
      sha256: string;
      /** Validation examples that are answered for scores. */
      examples: number;
    };

interface ModelJob {
  spec: ModelSpec;
  /** Ids of the tokenizer. */
  tokens: number;
  engine: EngineKind;
  threads: number;
}

/** Trains and evaluates one model with one seed. */
export interface TrainJob extends ModelJob {
  kind: "train";
  config: TrainingConfig;
  data: JobData;
  /** Monte-Carlo draws of upper bounds. */
  draws: number;
  /** Where the trained weights go (safetensors). */
  weights: string;
}

export interface TrainOutcome {
  evaluation: Evaluation;
  /** Of its answers, where the data have such. */
  scores?: readonly Score[];
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
  data: JobData;
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
  /** Its validation part gives the timed prompt. */
  data: JobData;
  /** What the model is to write; absent where its ids stand for no text, or it answers sources. */
  writing?: Writing;
  /** Window the model was trained with. */
  context: number;
  seed: number;
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
  /** Null where nothing is text. */
  sample: { prompt: string; text: string } | null;
}

/** A text that a model is to go on with. */
export interface Writing {
  tokenizer: TokenizerJSON;
  prompt: string;
  sampleTokens: number;
}

/** Text of a model, trained or (without weights) as initialised. */
export interface SampleJob extends ModelJob {
  kind: "sample";
  weights: string | null;
  writing: Writing;
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
  /** After training, while answers are scored. */
  stage?: "scoring";
}
