import type { Tensor } from "../../tensor/index.ts";
import type { ParameterDeclaration } from "./declare.ts";

/** A parameter inside `forward` and `step`; touched only through the functions of this file, which wrappers may replace. */
export interface Weight {
  readonly path: string;
  readonly declaration: ParameterDeclaration;
  readonly tensor: Tensor;
}

/** Parameters of a component by their declared names. */
export type Weights<P> = { readonly [K in keyof P]: Weight };

/** x [..., inputs] · W [inputs, outputs] (+ b): any leading axes. */
export function linear(x: Tensor, w: Weight, b?: Weight): Tensor {
  const y = x.rank === 1 ? x.unsqueeze(0).matmul(w.tensor).squeeze(0) : x.matmul(w.tensor);
  return b === undefined ? y : y.add(b.tensor);
}

/** Rows of a table [rows, width] by ids (i32, any shape) → [..., width]. */
export function embed(ids: Tensor, w: Weight): Tensor {
  return w.tensor.gather(0, ids);
}

/** Scores of every row of a table: x [..., width] · tableᵀ → [..., rows] (tied output head). */
export function unembed(x: Tensor, w: Weight): Tensor {
  return x.matmul(w.tensor, { transB: true });
}

/** A parameter's value as a tensor, for gains, biases, vectors and stacked matrices. */
export function value(w: Weight): Tensor {
  return w.tensor;
}
