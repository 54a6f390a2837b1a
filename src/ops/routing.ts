/**
 * Choosing experts for tokens, and laying tokens out so that every expert sees only its own.
 * Axes: N tokens, K choices per token, E experts, G groups of slots, R = all slots.
 */
import { constant, iota, type Tensor, where, zeros } from "../tensor/index.ts";
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
function tokenMean(x: Tensor, real: Tensor | undefined): Tensor {
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

/** Where every chosen token stands: G groups of equally many slots, each group served by one expert. */
export interface Dispatch {
  groups: number;
  slotsPerGroup: number;
  /** The token in every slot, i32; an empty slot holds token 0, whose result nobody reads. */
  tokens_R: Tensor;
  /** The slot of every choice, i32. */
  slots_NK: Tensor;
  /** 0 where a choice found its expert full; absent where all are served. */
  served_NK?: Tensor;
  /** 1 at the expert that serves a group; absent where group e is served by expert e. */
  experts_GE?: Tensor;
}

/**
 * Every expert's tokens stand together, filled up to whole blocks of `block` slots, so that all choices are served at
 * the cost of at most one partly empty block per expert.
 */
export function blockDispatch({ chosen_NKE, block }: { chosen_NKE: Tensor; block: number }): Dispatch {
  const [N, K, E] = chosen_NKE.shape as [number, number, number];
  const groups = blocksFor({ choices: N * K, experts: E, block });
  const chosen_PE = chosen_NKE.reshape([N * K, E]);
  const before_PE = chosen_PE.cumsum(0, { exclusive: true });
  const blocks_E = wholeBlocks(chosen_PE.sum(0), block);
  const first_E = blocks_E.cumsum(0, { exclusive: true });
  const slots_NK = chosen_PE
    .mul(before_PE.add(first_E.mul(block)))
    .sum(-1)
    .cast("i32")
    .reshape([N, K]);
  const group_G1 = iota(groups).cast("f32").unsqueeze(1);
  const serves = first_E.lessEqual(group_G1).and(group_G1.less(first_E.add(blocks_E)));
  const tokens_R = tokensIn(slots_NK, groups * block);
  return { groups, slotsPerGroup: block, tokens_R, slots_NK, experts_GE: where(serves, 1, 0) };
}

/** The most blocks that `choices` can fill, however they fall on the experts. */
export function blocksFor({ choices, experts, block }: { choices: number; experts: number; block: number }): number {
  return Math.floor((choices + experts * (block - 1)) / block);
}

/** ⌈count / block⌉; counts are whole numbers in f32. */
function wholeBlocks(count: Tensor, block: number): Tensor {
  const raised = count.add(block - 1);
  return raised.sub(raised.mod(block)).div(block);
}

/**
 * Every expert has `capacity` slots for each of `sequences` sequences, taken in the order of tokens; what comes later is
 * not served. Padding (`real_NK` 0) takes no slot.
 */
export function capacityDispatch({
  chosen_NKE,
  sequences,
  capacity,
  real_N,
}: {
  chosen_NKE: Tensor;
  sequences: number;
  capacity: number;
  real_N?: Tensor | undefined;
}): Dispatch {
  const [N, K, E] = chosen_NKE.shape as [number, number, number];
  const counted = real_N ? chosen_NKE.mul(real_N.reshape([N, 1, 1])) : chosen_NKE;
  const chosen_BPE = counted.reshape([sequences, (N / sequences) * K, E]);
  const place_BPE = chosen_BPE.cumsum(1, { exclusive: true });
  const place_NK = place_BPE.mul(chosen_BPE).sum(-1).reshape([N, K]);
  const expert_NK = chosen_NKE.mul(iota(E).cast("f32")).sum(-1);
  const sequence_N1 = constant(
    Array.from({ length: N }, (_, n) => Math.floor(n / (N / sequences))),
    [N, 1],
  );
  const slot_NK = expert_NK.mul(sequences).add(sequence_N1).mul(capacity).add(place_NK);
  const room = place_NK.less(capacity);
  const served = real_N ? room.and(real_N.unsqueeze(1).greater(0)) : room;
  const size = E * sequences * capacity;
  // Unserved choices write behind the last slot and read slot 0 with weight 0.
  const tokens_R = tokensIn(where(served, slot_NK, size).cast("i32"), size + 1).slice(0, 0, size);
  return {
    groups: E,
    slotsPerGroup: sequences * capacity,
    tokens_R,
    slots_NK: where(served, slot_NK, 0).cast("i32"),
    served_NK: where(served, 1, 0),
  };
}

/** The token in each of `size` slots, given every choice's slot. */
function tokensIn(slots_NK: Tensor, size: number): Tensor {
  const [N, K] = slots_NK.shape as [number, number];
  const token_P = constant(
    Array.from({ length: N * K }, (_, pair) => Math.floor(pair / K)),
    [N * K],
    "i32",
  );
  return zeros([size], "i32").scatterAdd(0, slots_NK.reshape([N * K]), token_P);
}
