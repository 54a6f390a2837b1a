/** Cross-entropy of class logits with ids or probabilities. */
import { ones, type Tensor, where } from "../tensor/index.ts";
import { type Reduction, reduceLoss } from "./losses.ts";

interface Options {
  reduction?: Reduction;
  /** Targets that count for nothing. */
  ignore?: number;
  /** Share of the target spread over all classes. Szegedy et al. 2016, section 7. */
  smoothing?: number;
  /** One weight per class; no gradient flows to it. */
  weights?: Tensor | undefined;
}

/** x [B, C, ...] with the class axis last. */
const classesLast = (x: Tensor): Tensor =>
  x.rank < 3 ? x : x.transpose([0, ...x.shape.slice(2).map((_, i) => i + 2), 1]);

/** Of logits [B, C, ...] and ids [B, ...]: (1 − ε)·w[t]·(−log p[t]) − ε/C·Σ w[c]·log p[c]; the mean divides by Σ w[t]. */
export function crossEntropy(logits: Tensor, target: Tensor, options: Options = {}): Tensor {
  return nllWithSmoothing(classesLast(logits).logSoftmax(-1), target, options);
}

/** Of log-probabilities [B, C, ...]: −w[t]·x[t]. */
export const nll = (logProbs: Tensor, target: Tensor, options: Omit<Options, "smoothing"> = {}): Tensor =>
  nllWithSmoothing(classesLast(logProbs), target, options);

function nllWithSmoothing(
  logP: Tensor,
  target: Tensor,
  { reduction = "mean", ignore = -100, smoothing = 0, weights }: Options,
): Tensor {
  const ignored = target.equal(ignore);
  const ids = where(ignored, 0, target);
  const w = weights?.stopGradient();
  const own = logP.gatherElements(-1, ids.unsqueeze(-1)).squeeze(-1).neg();
  const weight = where(ignored, 0, w ? w.gather(0, ids) : ones(ids.shape));
  const hard = where(ignored, 0, w ? own.mul(weight) : own);
  const each = smoothing === 0 ? hard : hard.mul(1 - smoothing).add(where(ignored, 0, spread(logP, w).mul(smoothing)));
  return reduction === "mean" ? each.sum().div(weight.sum()) : reduceLoss(each, reduction);
}

/** −mean over classes of w·log p. */
const spread = (logP: Tensor, w: Tensor | undefined): Tensor => (w ? logP.mul(w) : logP).mean(-1).neg();

/** Of logits [B, C, ...] and probabilities of the same shape; the mean divides by the number of distributions. */
export function softCrossEntropy(
  logits: Tensor,
  target: Tensor,
  { reduction = "mean", smoothing = 0, weights }: Omit<Options, "ignore"> = {},
): Tensor {
  const logP = classesLast(logits).logSoftmax(-1);
  const q = classesLast(target)
    .mul(1 - smoothing)
    .add(smoothing / logP.dim(-1));
  const w = weights?.stopGradient();
  return reduceLoss((w ? q.mul(w) : q).mul(logP).sum(-1).neg(), reduction);
}
