/**
 * Choosing experts for tokens, and the losses that keep choices even.
 * Axes: N tokens, K choices per token, E experts.
 */
import type { Tensor } from "../tensor/index.ts";
import { oneHot } from "./indexing.ts";
import { logSumExp } from "./reductions.ts";

export interface Routing {
  /** Softmax over all experts. */
  probs_NE: Tensor;
  /** i32, the likeliest first. */
  experts_NK: Tensor;
  weights_NK: Tensor;
  /** 1 at a choice's expert; no gradient. */
  chosen_NKE: Tensor;
}

/**
 * The k likeliest experts of each token. Their weights are the softmax over those k logits (`renormalise`: Mixtral), or
 * their shares of the softmax over all (Switch Transformer, eq. 2).
 */
export function routeTopK(logits_NE: Tensor, { k, renormalise }: { k: number; renormalise: boolean }): Routing {
  const probs_NE = logits_NE.softmax(-1);
  const { values, indices } = (renormalise ? logits_NE : probs_NE).topk(-1, k);
  return {
    probs_NE,
    experts_NK: indices,
    weights_NK: renormalise ? values.softmax(-1) : values,
    chosen_NKE: oneHot(indices, logits_NE.dim(-1)),
  };
}

/** Mean over the second last axis, of the entries where `real` (f32, 1 or 0) is 1. */
export function tokenMean(x: Tensor, real: Tensor | undefined): Tensor {
  return real ? x.mul(real.unsqueeze(-1)).sum(-2).div(real.sum(-1, true)) : x.mean(-2);
}

/**
 * E · Σ_e f_e P_e, with f_e the choices of expert e per token and P_e its mean probability (Switch Transformer, eq. 4–6
 * without α): k where routing is uniform. Leading axes are groups whose losses are averaged.
 */
export function balanceLoss(
  { probs, chosen }: { probs: Tensor; chosen: Tensor },
  { real }: { real?: Tensor | undefined } = {},
): Tensor {
  const shares = tokenMean(chosen.sum(-2), real);
  return shares.mul(tokenMean(probs, real)).sum(-1).mean().mul(probs.dim(-1));
}

/** Mean over tokens of (log Σ e^logit)², which keeps logits small (ST-MoE, eq. 5). */
export function routerZLoss(logits_NE: Tensor, { real }: { real?: Tensor | undefined } = {}): Tensor {
  return tokenMean(logSumExp(logits_NE, { axes: -1, keep: true }).square(), real).sum();
}
