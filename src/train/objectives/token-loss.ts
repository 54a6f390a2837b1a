import { rowLosses } from "../../ops/index.ts";
import { softmaxCrossEntropy, type Tensor } from "../../tensor/index.ts";

/**
 * Mean of −log p(target) over tokens, each counting by its weight where weights are given; with smoothing ε the target is
 * (1 − ε)·onehot + ε/V (Szegedy et al. 2016, section 7). logits [B, T, C], targets i32 [B, T], weights f32 [B, T].
 */
export function tokenLoss(
  logits: Tensor,
  { targets_BT, weights_BT }: { targets_BT: Tensor; weights_BT?: Tensor | undefined },
  smoothing = 0,
): Tensor {
  const loss = (rows: Tensor, targets: Tensor) => {
    const nats = softmaxCrossEntropy(rows, targets);
    return smoothing === 0 ? nats : nats.mul(1 - smoothing).add(rows.logSoftmax(-1).mean(-1).mul(-smoothing));
  };
  return weightedMean(rowLosses(logits, targets_BT, loss), weights_BT);
}

/** Σ w·x / Σ w, 0 where all weights are. */
export function weightedMean(x: Tensor, weights?: Tensor): Tensor {
  return weights === undefined ? x.mean() : x.mul(weights).sum().div(weights.sum().maximum(1e-20));
}
