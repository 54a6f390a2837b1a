import type { ModelSpec } from "../../model/index.ts";
import type { TrainingConfig } from "../../train/index.ts";
import type { StudyData, StudyTest } from "./schema.ts";

/** One training of a study: everything that decides its result. */
export interface Cell {
  /** Label of each factor's level. */
  levels: Readonly<Record<string, string>>;
  seed: number;
  spec: ModelSpec;
  config: TrainingConfig;
  data: StudyData;
  tests: readonly StudyTest[];
  /** Most test examples or windows. */
  examples: number;
  probes: readonly ("attention" | "gradients")[];
  size?: { measure: "params" | "activeParams" | "stateBytes"; value: number };
}

/** What was found on one of the cell's tests. */
export interface TestResult {
  label: string;
  /** Bits per answer (synthetic tasks), per byte (text): see the dataset. */
  bits: number;
  kind: "exact" | "upper-bound" | "pseudo";
  /** Scores of the dataset by name, as shares of 1 where they are shares. */
  scores: Readonly<Record<string, number>>;
  /** What guessing reaches in accuracy. */
  chance?: number;
}

/** Inside of attention on test examples. Entropies are shares of the greatest possible. */
export interface AttentionProbe {
  /** By layer, then head: mean entropy of the weights / ln(number of visible keys), over queries that see two keys or more. */
  entropy: readonly (readonly number[])[];
  /** Mean of the largest weight. */
  largest: number;
  /** Mean over pairs of heads in a layer of the total variation between their weights; 0 for one head. */
  headDistance: number;
}

export interface CellResult {
  /** diverged: a loss or gradient was not finite. undefined: the combination has no meaning, `reason` says why. */
  outcome: "trained" | "diverged" | "undefined";
  reason?: string;
  parameters: number;
  /** Floating-point operations a token, forward and backward, counted on the graph. */
  flopsPerToken: number;
  /** Values chosen to reach a size. */
  tuned: Readonly<Record<string, number>>;
  /** Optimizer steps done. */
  steps: number;
  tokens: number;
  /** Training loss, nats per answer: means over at most 40 equal parts of the training. */
  curve: readonly number[];
  /** Mean over all steps: the area under the curve. */
  meanLoss: number;
  /** Mean over the last tenth of the steps. */
  trainLoss: number;
  /** Nats of the answers' frequencies: what is reached without reading the input. */
  frequencyNats: number;
  tests: readonly TestResult[];
  attention?: AttentionProbe;
  /** Norm of the gradient of each layer before training, first layer first. */
  gradientNorms?: readonly number[];
  /** Wall clock of this machine; not a result. */
  seconds: number;
}

export interface FinishedCell {
  levels: Readonly<Record<string, string>>;
  seed: number;
  result: CellResult;
}
