import type { Shape, Tensor } from "../tensor/index.ts";

/** A small graph of the vocabulary: shapes of its float inputs, and what it computes. Values keep a margin from ties and poles. */
export interface GradCase {
  name: string;
  inputs: readonly Shape[];
  /** Interval of the values; default −2 … 2. */
  range?: readonly [number, number];
  build: (inputs: readonly Tensor[]) => Tensor;
}
