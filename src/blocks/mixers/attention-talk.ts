/** Heads that mix their scores or weights [B, H, T, S] (Shazeer et al. 2020, "talking heads"). */
import { isHidden } from "../../ops/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import { bias, matrix, type ParameterDeclaration } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";
import type { AttentionConfig } from "./attention-config.ts";

interface Parameters<T> {
  /** [H, H] from heads (rows) to heads (columns), added to the scores as they are. */
  talkBefore?: T;
  talkAfter?: T;
  talkGate?: T;
  /** [H], added to what is mixed. */
  talkBeforeBias?: T;
  talkAfterBias?: T;
}

export type TalkWeights = Parameters<Weight>;

const identity = {
  kind: "values",
  fill: (_: () => number, [rows, columns]: readonly number[]) =>
    Array.from({ length: rows! * columns! }, (_, i) => (Math.floor(i / columns!) === i % columns! ? 1 : 0)),
} as const;

export const talkParams = (
  { talkingHeads: how, talkingBias }: AttentionConfig,
  heads: number,
): Parameters<ParameterDeclaration> => ({
  ...((how === "before" || how === "both") && {
    talkBefore: matrix(heads, heads, { init: "zeros" }),
    ...(talkingBias && { talkBeforeBias: bias(heads) }),
  }),
  ...((how === "after" || how === "both") && {
    talkAfter: matrix(heads, heads, { init: identity }),
    ...(talkingBias && { talkAfterBias: bias(heads) }),
  }),
  ...(how === "gate" && { talkGate: matrix(heads, heads) }),
});

/** Σ_g x_g W_gh (+ b_h) for every head h. */
function across(x_BHTS: Tensor, weight: Weight, offset?: Weight): Tensor {
  const [B, H] = [x_BHTS.dim(0), x_BHTS.dim(1)];
  const mixed = value(weight)
    .matmul(x_BHTS.reshape([B, H, -1]), { transA: true })
    .reshape(x_BHTS.shape);
  return offset ? mixed.add(value(offset).reshape([H, 1, 1])) : mixed;
}

/** Undefined where scores stay as they are. */
export const talkScores = ({ talkBefore, talkBeforeBias }: TalkWeights): ((scores: Tensor) => Tensor) | undefined =>
  talkBefore && ((scores) => scores.add(across(scores, talkBefore, talkBeforeBias)));

/** Weights from those of softmax, the masked scores that they come from, and the scores before masks. */
export function talkWeights(
  weights: Tensor,
  { scores, bare }: { scores: Tensor; bare: Tensor },
  { talkAfter, talkGate, talkAfterBias }: TalkWeights,
): Tensor {
  if (talkGate) return weights.mul(across(bare, talkGate));
  if (!talkAfter) return weights;
  const mixed = across(weights, talkAfter, talkAfterBias);
  // An offset would show what is hidden.
  return talkAfterBias ? where(isHidden(scores), 0, mixed) : mixed;
}
