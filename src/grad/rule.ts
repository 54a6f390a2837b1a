import type { Op, OpAttrs, Tensor } from "../tensor/index.ts";

/** What a gradient rule sees: an op's inputs, outputs, attributes, and the cotangent of each output that has one. */
export interface Pullback<K extends Op> {
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  attrs: OpAttrs[K];
  /** Cotangent of each output; undefined where nothing depends on it. */
  cotangents: readonly (Tensor | undefined)[];
  /** The cotangent of the first output. */
  g: Tensor;
  /** Whether input i is on the way to something asked for; others may be skipped. */
  needs: readonly boolean[];
}

/** Cotangent of each input, undefined where it is zero. */
export type GradRule<K extends Op> = (pullback: Pullback<K>) => (Tensor | undefined)[];
