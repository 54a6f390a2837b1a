/**
 * Choosing experts by something other than their weights: biases, groups, noise, balanced plans.
 * Axes: N tokens, K choices per token, E experts, G groups of experts.
 */
import { concat, constant, ones, type Tensor, where } from "../tensor/index.ts";
import { oneHot } from "./indexing.ts";
import { createRng } from "./rng.ts";
import { type Routing, routeTopK, tokenMean } from "./routing.ts";

/** The k experts with the largest `wanted_NE` (default: the scores), weighted by their scores, or their shares of them. */
export function routeByScores(
  scores_NE: Tensor,
  { k, renormalise, wanted_NE = scores_NE }: { k: number; renormalise: boolean; wanted_NE?: Tensor },
): Routing {
  const { indices } = wanted_NE.topk(-1, k);
  const own_NK = scores_NE.gatherElements(-1, indices);
  return {
    probs_NE: scores_NE.div(scores_NE.sum(-1, true)),
    experts_NK: indices,
    weights_NK: renormalise ? own_NK.div(own_NK.sum(-1, true).add(1e-20)) : own_NK,
    chosen_NKE: oneHot(indices, scores_NE.dim(-1)),
  };
}

export interface ExpertGroups {
  /** Equal groups of neighbouring experts. */
  groups: number;
  /** Groups that a token may use: those that score best. */
  kept: number;
  /** A group's score: its largest entry (DeepSeek-V2), or the sum of its two largest (DeepSeek-V3). */
  score: "largest" | "two-largest";
}

/** Scores with experts outside a token's best groups at the far end (DeepSeek-V2, section 2.2.2). */
export function withinGroups(wanted_NE: Tensor, { groups, kept, score }: ExpertGroups): Tensor {
  const [N, E] = [wanted_NE.dim(0), wanted_NE.dim(1)];
  const members = E / groups;
  const wanted_NGM = wanted_NE.reshape([N, groups, members]);
  const counted = score === "largest" ? 1 : Math.min(2, members);
  const best_NG = wanted_NGM.topk(-1, counted).values.sum(-1);
  const keep_NG1 = oneHot(best_NG.topk(-1, kept).indices, groups).sum(1).unsqueeze(-1);
  return where(keep_NG1.greater(0), wanted_NGM, excluded).reshape([N, E]);
}

const excluded = -1e30;

/** b + speed · sign(mean load − load): experts with more than their share become less wanted (arXiv 2408.15664, alg. 1). */
export function evenBias(bias_E: Tensor, { load_E, speed }: { load_E: Tensor; speed: number }): Tensor {
  return bias_E.add(load_E.mean().sub(load_E).sign().mul(speed)).stopGradient();
}

/** The squared coefficient of variation of positive amounts: 0 where all are equal (Shazeer et al. 2017, eq. 6). */
export function variation(amounts_E: Tensor): Tensor {
  const mean = amounts_E.mean();
  return amounts_E.sub(mean).square().mean().div(mean.square().add(1e-10));
}

export interface NoisyRouting extends Routing {
  /** Probability that each expert is chosen, were its own noise drawn anew (eq. 8 and 9); absent without noise. */
  likelihood_NE?: Tensor;
}

/** The k largest of logits + noise · spread, weighted by their own softmax (Shazeer et al. 2017, eq. 3–5). */
export function routeNoisyTopK(
  logits_NE: Tensor,
  { k, spread_NE, noise_NE }: { k: number; spread_NE: Tensor; noise_NE?: Tensor | undefined },
): NoisyRouting {
  if (noise_NE === undefined) return routeTopK(logits_NE, { k, renormalise: true });
  const noisy_NE = logits_NE.add(noise_NE.mul(spread_NE));
  const routing = routeTopK(noisy_NE, { k, renormalise: true });
  if (k === logits_NE.dim(-1)) return routing;
  const { values } = noisy_NE.topk(-1, k + 1);
  const [last, next] = [values.slice(-1, k - 1, k), values.slice(-1, k, k + 1)];
  const others_NE = where(routing.chosen_NKE.sum(1).greater(0), next, last);
  return { ...routing, likelihood_NE: normalCdf(logits_NE.sub(others_NE).div(spread_NE)) };
}

const normalCdf = (x: Tensor): Tensor => x.mul(Math.SQRT1_2).erf().add(1).mul(0.5);

/**
 * A plan that gives every token 1 and every expert the same in sum, by turns of scaling rows and columns of e^logit
 * (Sinkhorn & Knopp 1967; for routing Clark et al. 2022, arXiv 2202.01169, section 3.1). No gradient.
 */
export function sinkhornPlan(logits_NE: Tensor, { turns, real }: { turns: number; real?: Tensor | undefined }): Tensor {
  const logits = logits_NE.stopGradient();
  const weights = logits.sub(logits.max(-1, true)).exp();
  const share = 1 / logits_NE.dim(-1);
  let plan = real ? weights.mul(real.unsqueeze(-1)) : weights;
  for (let turn = 0; turn < turns; turn++) {
    const perExpert = plan.sum(0, true);
    plan = plan.mul(perExpert.sum().mul(share)).div(perExpert.add(1e-20));
    plan = plan.div(plan.sum(-1, true).add(1e-20));
  }
  return plan;
}

/**
 * I(expert; token) = H(mean p) − mean H(p), in nats: log E where every token is sure and experts are used alike, 0
 * where choices do not depend on tokens. Its negative is the balance loss of ModuleFormer (Shen et al. 2023, eq. 7).
 */
export function expertInformation(probs_NE: Tensor, { real }: { real?: Tensor | undefined } = {}): Tensor {
  const entropy = (p: Tensor) => p.mul(p.maximum(1e-20).log()).sum(-1, true).neg();
  return entropy(tokenMean(probs_NE, real))
    .sum()
    .sub(tokenMean(entropy(probs_NE), real).sum());
}

/**
 * SparseMixer's routing as it is evaluated (Liu et al. 2024, GRIN MoE, section 2.2): one expert after another, each the
 * best of those left, weighted by a softmax over the logits that come within 2·tolerance of it relative to their size.
 */
export function routeSparseMixer(logits_NE: Tensor, { k, tolerance }: { k: number; tolerance: number }): Routing {
  const E = logits_NE.dim(-1);
  let left = logits_NE;
  const [experts, weights]: [Tensor[], Tensor[]] = [[], []];
  for (let choice = 0; choice < k; choice++) {
    const expert_N1 = left.argmax(-1).unsqueeze(-1);
    const top_N1 = left.gatherElements(-1, expert_N1).stopGradient();
    const gap = top_N1.sub(logits_NE).div(logits_NE.abs().maximum(top_N1));
    const near = where(gap.lessEqual(2 * tolerance), left, excluded);
    experts.push(expert_N1);
    weights.push(near.softmax(-1).gatherElements(-1, expert_N1));
    left = where(oneHot(expert_N1.squeeze(-1), E).greater(0), excluded, left);
  }
  const experts_NK = concat(-1, experts);
  return {
    probs_NE: logits_NE.softmax(-1),
    experts_NK,
    weights_NK: concat(-1, weights),
    chosen_NKE: oneHot(experts_NK, E),
  };
}

/** k different experts for every id by a fixed hash, with equal weights: no router (Roller et al. 2021, arXiv 2106.04426). */
export function routeByHash(
  ids_N: Tensor,
  { vocabulary, experts, k = 1, seed = 0 }: { vocabulary: number; experts: number; k?: number; seed?: number },
): Routing {
  const draws = createRng(seed);
  const table = Array.from({ length: vocabulary }, (_, id) => [...draws.fork(id).permutation(experts).slice(0, k)]);
  const experts_NK = constant(table.flat(), [vocabulary, k], "i32").gather(0, ids_N);
  const chosen_NKE = oneHot(experts_NK, experts);
  return {
    probs_NE: chosen_NKE.mean(1),
    experts_NK,
    weights_NK: ones([ids_N.dim(0), k]).mul(1 / k),
    chosen_NKE,
  };
}
