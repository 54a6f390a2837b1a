/** What models are trained on and judged by, as `--task` names it: text, pairs, a synthetic task. */
import type { Json } from "../checkpoints/index.ts";
import type { Batches, TextPair } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import type { BuiltModel, ObjectiveKind } from "../spec/index.ts";
import type { EvaluationText, TrainingConfig } from "../train/index.ts";
import type { Codec } from "./codec.ts";

/** One figure of a trained model beyond its loss. */
export interface Score {
  /** Such as "exact match", "phoneme error rate", "BLEU". */
  name: string;
  value: number;
  unit: "%" | "share" | "points" | "nats" | "";
  /** Whether more is better. */
  better: "higher" | "lower";
  /** What decided the figure: beam size, tokenizer of a metric, number of examples. */
  signature?: string;
  /** What guessing reaches, in the same unit. */
  chance?: number;
}

export interface ScoreOptions {
  /** Most examples that are scored; default: all. */
  examples?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

/** Data read and tokenized, the same for every model that it is given to. */
export interface Dataset {
  /** As on the command line. */
  kind: string;
  /** What people call the data: a file's name, a dictionary's. */
  name: string;
  /** Objectives that a spec may have to be trained on it. */
  objectives: readonly ObjectiveKind[];
  /** Ids of the data; the model adds its objective's own. */
  tokens: number;
  /** Everything that tells whether two runs saw the same data: files, hashes, counts, split, tokenizer, what was left out. */
  facts: Readonly<Record<string, Json>>;
  /** What the evaluation's `bytes` count. */
  bitsPer: "byte" | "target byte" | "answer";
  /** Text to sources and answers to text, where a model reads one sequence and writes another. */
  codec?: Codec;
  /** The first sources of the validation part, each with an answer that is right. */
  held?: readonly TextPair[];
  /** Batches of the training part, a function of the config's seed and the step. */
  batches(built: BuiltModel, config: TrainingConfig): Batches;
  /** The validation part. `bytes` are the UTF-8 bytes of what is predicted. */
  validation(built: BuiltModel, config: TrainingConfig): EvaluationText;
  /** Lets the model whose parameters are resident in the engine answer the validation part. */
  score?(engine: Engine, built: BuiltModel, options?: ScoreOptions): Promise<readonly Score[]>;
}
