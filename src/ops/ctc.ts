import { full, iota, scan, type Tensor, where } from "../tensor/index.ts";
import { logAddExp } from "./elementary.ts";

/** Stands for log 0 where −∞ would make gradients NaN. */
const impossible = -1e30;

export interface CtcInputs {
  /** Log-probabilities [T, B, C]. */
  logProbs: Tensor;
  /** Label ids [B, S], of which the first `targetLengths` count. */
  targets: Tensor;
  inputLengths: Tensor;
  targetLengths: Tensor;
  blank?: number;
}

/**
 * −log of the summed probability of all alignments, per sequence [B]: the forward variable over the labels with blanks
 * between them. Graves et al. 2006, eq. 6–8. Infinite where no alignment fits, or 0 with `zeroInfinity`.
 */
export function ctcLoss(
  { logProbs, targets, inputLengths, targetLengths, blank = 0 }: CtcInputs,
  { zeroInfinity = false } = {},
): Tensor {
  const [steps, batch] = [logProbs.dim(0), logProbs.dim(1)];
  const labels = withBlanks(targets, blank);
  const width = labels.dim(1);
  const skips = maySkip(labels, blank);
  const emit = logProbs.gatherElements(2, labels.unsqueeze(0).expand([steps, batch, width]));
  const start = where(iota(width).less(2), emit.at(0, 0), impossible);
  const { states } = scan({
    init: [start],
    xs: [emit.slice(0, 1), iota(steps - 1).add(1)],
    step: ([alpha], [now, t]) => {
      const stay = logAddExp(alpha!, delayed(alpha!, 1));
      const reached = logAddExp(stay, where(skips, delayed(alpha!, 2), impossible)).add(now!);
      return { states: [where(inputLengths.unsqueeze(1).greater(t!), reached, alpha!)], ys: [] };
    },
  });
  const last = targetLengths.unsqueeze(1).mul(2);
  const total = logAddExp(
    states[0]!.gatherElements(1, last),
    states[0]!.gatherElements(1, last.sub(1).maximum(0)),
  ).squeeze(1);
  const none = total.less(impossible / 2);
  return where(none, zeroInfinity ? 0 : Number.POSITIVE_INFINITY, total.neg());
}

/** Blank, label, blank, …, label, blank. */
function withBlanks(targets: Tensor, blank: number): Tensor {
  const [batch, length] = [targets.dim(0), targets.dim(1)];
  const pairs = targets
    .unsqueeze(-1)
    .pad(2, 1, 0, blank)
    .reshape([batch, 2 * length]);
  return pairs.pad(1, 0, 1, blank);
}

/** A label may follow the label before it without a blank between, unless both are the same. */
function maySkip(labels: Tensor, blank: number): Tensor {
  const before = labels.slice(1, 0, -2).pad(1, 2, 0, blank);
  return labels.equal(blank).or(labels.equal(before)).not();
}

const delayed = (alpha: Tensor, by: number): Tensor =>
  alpha.dim(1) <= by ? full(alpha.shape, impossible) : alpha.slice(1, 0, -by).pad(1, by, 0, impossible);
