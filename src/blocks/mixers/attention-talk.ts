/** Heads that mix their scores or weights [B, H, T, S] (Shazeer et al. 2020, "talking heads"). */
import type { Tensor } from "../../tensor/index.ts";
import { matrix, type ParameterDeclaration } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";
import type { AttentionConfig } from "./attention-config.ts";

interface Parameters<T> {
  /** [H, H] from heads (rows) to heads (columns), added to the scores as they are. */
  talkBefore?: T;
  talkAfter?: T;
  talkGate?: T;
}

export type TalkWeights = Parameters<Weight>;

const identity = {
  kind: "values",
  fill: (_: () => number, [rows, columns]: readonly number[]) =>
    Array.from({ length: rows! * columns! }, (_, i) => (Math.floor(i / columns!) === i % columns! ? 1 : 0)),
} as const;

export const talkParams = (
  { talkingHeads: how }: AttentionConfig,
  heads: number,
): Parameters<ParameterDeclaration> => ({
  ...((how === "before" || how === "both") && { talkBefore: matrix(heads, heads, { init: "zeros" }) }),
  ...((how === "after" || how === "both") && { talkAfter: matrix(heads, heads, { init: identity }) }),
  ...(how === "gate" && { talkGate: matrix(heads, heads) }),
});

/** Σ_g x_g W_gh for every head h. */
function across(x_BHTS: Tensor, weight: Weight): Tensor {
  const [B, H] = [x_BHTS.dim(0), x_BHTS.dim(1)];
  return value(weight)
    .matmul(x_BHTS.reshape([B, H, -1]), { transA: true })
    .reshape(x_BHTS.shape);
}

/** Undefined where scores stay as they are. */
export const talkScores = ({ talkBefore }: TalkWeights): ((scores: Tensor) => Tensor) | undefined =>
  talkBefore && ((scores) => scores.add(across(scores, talkBefore)));

/** Weights from those of softmax and the scores before masks. */
export function talkWeights(weights: Tensor, bare: Tensor, { talkAfter, talkGate }: TalkWeights): Tensor {
  if (talkGate) return weights.mul(across(bare, talkGate));
  return talkAfter ? across(weights, talkAfter) : weights;
}
