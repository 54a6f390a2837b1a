import type { Json } from "../../checkpoints/index.ts";
import type { Dataset, Score } from "../../tasks/index.ts";

/** A measured number: mean over `n` seeds or repeats, `spread` = max − min. */
export interface Figure {
  mean: number;
  spread: number;
  n: number;
}

/** Validation bits per byte: exact for next-token models, an upper bound for masked diffusion. */
export interface BitsPerByte extends Figure {
  kind: "exact" | "upper-bound" | "pseudo";
  /** Standard error of the Monte-Carlo estimate (upper bounds only). */
  stdErr?: number;
}

/** A score of a model's answers, over seeds. */
export type ScoreFigure = Figure & Omit<Score, "value">;

/** One point of a training curve; `loss` in nats per token (training), `bitsPerByte` on validation text where it was measured. */
export interface CurvePoint {
  step: number;
  tokens: number;
  /** Seconds of training since the first step, without evaluation. */
  seconds: number;
  loss: number;
  bitsPerByte?: number;
}

/** Decoding at one context length. */
export interface DecodePoint {
  context: number;
  msPerToken: Figure;
  stateBytes: number | null;
}

/** Text a model wrote, unpicked: the first and only draw with this seed. */
export interface Sample {
  prompt: string;
  text: string;
  seed: number;
}

/** Everything measured of one architecture; the first block is the stable JSON shape other tools read. */
export interface ComparisonResult {
  spec: string;
  seeds: number[];
  params: number;
  activeParams: number;
  bitsPerByte: BitsPerByte;
  /** With a task whose answers are scored, in the task's order. */
  scores?: ScoreFigure[];
  trainTokensPerS: Figure;
  decodeTokensPerS: Figure;
  firstTokenMs: Figure;
  peakTrainBytes: Figure;
  peakDecodeBytes: Figure;
  /** State bytes per sequence at these context lengths (keys "1024", "16384", "262144"); null for a model without state. */
  stateBytes: Record<string, number> | null;

  title: string;
  /** Training tokens of each seed. */
  tokens: number;
  /** Share of the parameters that are embeddings, 0…1. */
  embeddingShare: number;
  /** What was tuned to reach the size, for instance { width: 96, "layers[*].channel.hidden": 250 }. */
  tuned: Record<string, number | string>;
  /** Canonical spec as JSON data (layers expanded, defaults filled). */
  canonical: Readonly<Record<string, unknown>>;
  curves: { seed: number; points: CurvePoint[] }[];
  decode: DecodePoint[];
  sample: Sample | null;
  /** How generation was measured, e.g. "block of 32 tokens, 32 denoising steps". */
  decodeNote?: string;
}

/** How the figures came about: enough to run the same comparison again. */
export interface Protocol {
  command: string;
  seqlab: string;
  date: string;
  data: {
    name: string;
    /** Of a text; of a task's facts. */
    sha256: string;
    /** Null for a task. */
    trainBytes: number | null;
    validationBytes: number | null;
    /** Where the data are not text: the task, what its bits are counted for, and what its data are. */
    task?: { kind: string; bitsPer: Dataset["bitsPer"]; facts: Readonly<Record<string, Json>> };
  };
  /** `bytesPerToken` is null for a task. */
  tokenizer: { kind: string; size: number; bytesPerToken: number | null };
  size: string;
  budget: string;
  /** Training tokens per model and seed; null where the budget gave each model its own number. */
  tokens: number | null;
  seeds: number[];
  context: number;
  batch: number;
  optimizer: Readonly<Record<string, unknown>>;
  /** How a step is computed: accumulation, number formats, loss scale, rematerialisation, what a loss that is not finite does. */
  step: Readonly<Record<string, unknown>>;
  versions: Readonly<Record<string, string>>;
  machine: { cpu: string; cores: number; threads: number; memoryBytes: number; os: string };
  /** Resident bytes of the child process just before each model is built. */
  baselineBytes: number;
  seconds: number;
}

/** The document `seqlab compare --json` prints. */
export interface Comparison {
  protocol: Protocol;
  results: ComparisonResult[];
  /** Share (0…1) of words of three letters or more that occur in the training text, best next-token model and untrained. */
  wordShare?: { spec: string; trained: number; untrained: number; words: number };
}
