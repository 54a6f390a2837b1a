import type { Tensor } from "../tensor/index.ts";

/**
 * −H(p̄) in nats, p̄ the mean choice of a sequence: −log E where its experts are used alike, 0 where it uses one. Its
 * gradient evens a sequence's experts without evening each token's (σ-MoE: Csordás et al. 2023, eq. 19–21).
 * probs [B, T, ..., E] with zeros at padding; T may run over the tokens of several layers. Mean over the other axes.
 */
export function choiceConcentration(probs_BTE: Tensor): Tensor {
  const total_BE = probs_BTE.sum(1);
  const mean_BE = total_BE.div(total_BE.sum(-1, true).maximum(least));
  return mean_BE.mul(mean_BE.maximum(least).log()).sum(-1).mean();
}

/** Of a probability, so that its logarithm is finite. */
const least = 1e-20;
