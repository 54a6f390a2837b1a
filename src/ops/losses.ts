/** Losses between predictions and targets; each returns one value per element, to be reduced by {@link reduceLoss}. */
import { broadcastShapes, customGradient, type Tensor, where } from "../tensor/index.ts";
import { xlogy } from "./elementary.ts";
import { vectorNorm } from "./reductions.ts";

export type Reduction = "none" | "mean" | "sum" | "batchmean";

/** `batchmean` divides the sum by the length of axis 0. */
export function reduceLoss(each: Tensor, reduction: Reduction): Tensor {
  if (reduction === "none") return each;
  const total = each.sum();
  return reduction === "sum" ? total : total.div(reduction === "mean" ? each.size : each.dim(0));
}

export const squaredError = (x: Tensor, target: Tensor): Tensor => x.sub(target).square();

export const absoluteError = (x: Tensor, target: Tensor): Tensor => x.sub(target).abs();

/** d²/2 up to d = δ, then δ(d − δ/2). Huber 1964. */
export function huber(x: Tensor, target: Tensor, delta = 1): Tensor {
  const d = absoluteError(x, target);
  return where(d.lessEqual(delta), d.square().mul(0.5), d.sub(delta / 2).mul(delta));
}

/** d²/(2β) below d = β, then d − β/2; β = 0 is the absolute error. */
export function smoothAbsolute(x: Tensor, target: Tensor, beta = 1): Tensor {
  const d = absoluteError(x, target);
  return beta === 0 ? d : where(d.less(beta), d.square().mul(0.5 / beta), d.sub(beta / 2));
}

const complement = (x: Tensor): Tensor => x.neg().add(1);

/**
 * −(t·log p + (1 − t)·log(1 − p)) with logarithms of −100 at least. Gradients as PyTorch's: (p − t)/max(p(1 − p), 1e-12), so
 * that a saturated p still moves, and log(1 − p) − log p, unclipped, by the target.
 */
export function binaryCrossEntropy(p: Tensor, target: Tensor): Tensor {
  const shape = broadcastShapes("binaryCrossEntropy", p.shape, target.shape);
  return customGradient([p.expand(shape), target.expand(shape)], {
    forward: ([p, t]) =>
      t!
        .mul(p!.log().maximum(-100))
        .add(complement(t!).mul(complement(p!).log().maximum(-100)))
        .neg(),
    backward: ({ inputs: [p, t], g }) => [
      g.mul(p!.sub(t!)).div(p!.mul(complement(p!)).maximum(1e-12)),
      g.mul(complement(p!).log().sub(p!.log())),
    ],
  });
}

/** The same of logits, stable: (1 − t)·softplus(x) + positiveWeight·t·softplus(−x). */
export function binaryCrossEntropyOfLogits(x: Tensor, target: Tensor, positiveWeight?: Tensor): Tensor {
  const positive = target.mul(x.neg().softplus());
  return target
    .neg()
    .add(1)
    .mul(x.softplus())
    .add(positiveWeight ? positive.mul(positiveWeight) : positive);
}

/** t·(log t − log q), 0 where t is 0; `logTarget` says that the target holds log t. */
export function klDivergence(logQ: Tensor, target: Tensor, { logTarget = false } = {}): Tensor {
  if (logTarget) return target.exp().mul(target.sub(logQ));
  return xlogy(target, target).sub(target.mul(logQ));
}

/** (log v + (x − t)²/v)/2 with v = max(variance, ε), plus log(2π)/2 where `full`. */
export function gaussianNll(
  x: Tensor,
  target: Tensor,
  { variance, epsilon = 1e-6, full = false }: { variance: Tensor; epsilon?: number; full?: boolean },
): Tensor {
  // The clip is a constant to the gradient, so that a variance below ε is still pushed up.
  const v = variance.add(variance.maximum(epsilon).sub(variance).stopGradient());
  const half = v.log().add(squaredError(x, target).div(v)).mul(0.5);
  return full ? half.add(0.5 * Math.log(2 * Math.PI)) : half;
}

/** eˣ − t·x for the logarithm of the rate, else x − t·log(x + 1e-8). */
export const poissonNll = (x: Tensor, target: Tensor, { logInput = true } = {}): Tensor =>
  logInput ? x.exp().sub(target.mul(x)) : x.sub(target.mul(x.add(1e-8).log()));

/** max(0, −t(a − b) + margin). */
export const marginRanking = (a: Tensor, b: Tensor, target: Tensor, margin = 0): Tensor =>
  target.neg().mul(a.sub(b)).add(margin).relu();

/** Σ over c ≠ t of max(0, margin − x[t] + x[c])ᵖ, divided by the number of classes; x [B, C]. */
export function multiMargin(x: Tensor, target: Tensor, { margin = 1, p = 1 } = {}): Tensor {
  const own = x.gatherElements(1, target.unsqueeze(1));
  const over = x.sub(own).add(margin).relu();
  // The own class contributes the margin itself: take it out again.
  return (p === 1 ? over : over.pow(p))
    .sum(1)
    .sub(margin ** p)
    .div(x.dim(1));
}

/** max(0, margin + d(anchor, positive) − d(anchor, negative)), d = ‖u − v + 1e-6‖ₚ; `swap` takes the nearer negative pair. */
export function tripletMargin(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { margin = 1, p = 2, swap = false } = {},
): Tensor {
  const distance = (u: Tensor, v: Tensor) => vectorNorm(u.sub(v).add(1e-6), p, { axes: -1 });
  const away = distance(anchor, negative);
  const nearest = swap ? away.minimum(distance(positive, negative)) : away;
  return distance(anchor, positive).sub(nearest).add(margin).relu();
}
