/** What the DeltaNets share: q, k, v by heads after a short convolution, as columns […features, B, T], and the way out. */

import type { DeltaRuleInput, DeltaRuleResult } from "../../ops/index.ts";
import { type CausalConvInput, type CausalConvResult, convolveParts, toColumns, unitScale } from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import { value, type Weight } from "../weights/use.ts";

/** The two recurrences, over all times at once or by one time. */
export interface DeltaForm {
  conv: (input: CausalConvInput) => CausalConvResult;
  delta: (input: DeltaRuleInput) => DeltaRuleResult;
}

interface Projections {
  weights: { q: Weight; k: Weight; v: Weight; conv: Weight };
  /** Key heads, value heads, channels per key head. */
  d: { G: number; H: number; K: number };
  form: DeltaForm;
  state_BCP: Tensor | undefined;
  io: Io;
}

/** q (unit length / √K), k (unit length) and v, each after convolution and silu; and the convolution's state. */
export function deltaHeads(x_BTD: Tensor, { weights, d, form, state_BCP, io }: Projections) {
  const parts = [weights.q, weights.k, weights.v].map((weight) => toColumns(x_BTD, value(weight)));
  const { parts: mixed, state_BCP: conv } = convolveParts(form.conv, parts, {
    kernel_CK: value(weights.conv),
    state_BCP,
    mask_BT: io.mask_BT,
  });
  const heads = (x: Tensor, count: number) => silu(x).reshape([count, -1, ...x.shape.slice(1)]);
  const [q, k, v] = mixed as [Tensor, Tensor, Tensor];
  return { q: unitScale(heads(q, d.G), 1).mul(d.K ** -0.5), k: unitScale(heads(k, d.G), 1), v: heads(v, d.H), conv };
}

/** Strengths of writing, in (0, 1) or (0, 2); 0 at padding. */
export function strengths(x_BTD: Tensor, weight: Weight, { negEigen, io }: { negEigen: boolean; io: Io }): Tensor {
  const beta = toColumns(x_BTD, value(weight)).sigmoid();
  return atRealTokens(negEigen ? beta.mul(2) : beta, io);
}

/** 0 at padding, which then neither decays nor writes the state. */
export const atRealTokens = (x_HBT: Tensor, { mask_BT }: Io): Tensor =>
  mask_BT ? x_HBT.mul(mask_BT.cast("f32")) : x_HBT;

/** The output matrix [H·V, D] times a norm's gain [V], which spares a pass over the columns. */
export const gainedRows = ({ out, norm }: { out: Weight; norm: Weight }, V: number): Tensor =>
  value(out)
    .reshape([-1, V, value(out).dim(1)])
    .mul(value(norm).unsqueeze(1))
    .reshape(value(out).shape);
