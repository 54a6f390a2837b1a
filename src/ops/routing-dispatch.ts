/**
 * Laying tokens out so that every expert sees only its own.
 * Axes: N tokens, K choices per token, E experts, G groups of slots, R = all slots, B sequences, T tokens of each.
 */
import { constant, iota, type Tensor, where, zeros } from "../tensor/index.ts";

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
 * the cost of at most one partly empty block per expert. `partial`: some choices may be of no expert (all 0).
 */
export function blockDispatch({
  chosen_NKE,
  block,
  partial = false,
}: {
  chosen_NKE: Tensor;
  block: number;
  partial?: boolean;
}): Dispatch {
  const [N, K, E] = chosen_NKE.shape as [number, number, number];
  const groups = blocksFor({ choices: N * K, experts: E, block });
  const chosen_PE = chosen_NKE.reshape([N * K, E]);
  const before_PE = chosen_PE.cumsum(0, { exclusive: true });
  const blocks_E = wholeBlocks(chosen_PE.sum(0), block);
  const first_E = blocks_E.cumsum(0, { exclusive: true });
  const slot_NK = chosen_PE
    .mul(before_PE.add(first_E.mul(block)))
    .sum(-1)
    .reshape([N, K]);
  const group_G1 = iota(groups).cast("f32").unsqueeze(1);
  const serves = first_E.lessEqual(group_G1).and(group_G1.less(first_E.add(blocks_E)));
  const served = partial ? chosen_NKE.sum(-1).greater(0) : undefined;
  const slots = slotsOf(slot_NK, { served, size: groups * block });
  return { groups, slotsPerGroup: block, ...slots, experts_GE: where(serves, 1, 0) };
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
 * Who gets an expert's places first. tokens: earlier tokens, each with all its choices (Switch); choices: all first
 * choices before all second ones (GShard, ST-MoE); priority: as choices, but tokens of the greatest weight first
 * (V-MoE's batch priority). In the last two a later token may take an earlier one's place.
 */
export const servingOrders = ["tokens", "choices", "priority"] as const;
export type ServingOrder = (typeof servingOrders)[number];

export interface CapacityOptions {
  chosen_NKE: Tensor;
  sequences: number;
  capacity: number;
  /** f32, 0 at padding. */
  real_N?: Tensor | undefined;
  order?: ServingOrder;
  /** By which `priority` orders tokens. */
  weights_NK?: Tensor | undefined;
}

/**
 * Every expert has `capacity` slots for each of `sequences` sequences; who comes when they are full is not served.
 * Padding takes no slot.
 */
export function capacityDispatch(options: CapacityOptions): Dispatch {
  const { chosen_NKE, sequences, capacity, real_N } = options;
  const [N, , E] = chosen_NKE.shape as [number, number, number];
  const place_NK = placesOf(options);
  const expert_NK = chosen_NKE.mul(iota(E).cast("f32")).sum(-1);
  const sequence_N1 = constant(
    Array.from({ length: N }, (_, n) => Math.floor(n / (N / sequences))),
    [N, 1],
  );
  const slot_NK = expert_NK.mul(sequences).add(sequence_N1).mul(capacity).add(place_NK);
  const room = place_NK.less(capacity).and(chosen_NKE.sum(-1).greater(0));
  const served = real_N ? room.and(real_N.unsqueeze(1).greater(0)) : room;
  const slots = slotsOf(slot_NK, { served, size: E * sequences * capacity });
  return { groups: E, slotsPerGroup: sequences * capacity, ...slots };
}

/** How many choices of the same expert and sequence come before each choice. */
function placesOf({
  chosen_NKE,
  sequences: B,
  real_N,
  order = "tokens",
  weights_NK,
}: Omit<CapacityOptions, "capacity">): Tensor {
  const [N, K, E] = chosen_NKE.shape as [number, number, number];
  const counted = real_N ? chosen_NKE.mul(real_N.reshape([N, 1, 1])) : chosen_NKE;
  const turn = order === "priority" ? turnsOf(weights_NK!, { sequences: B, real_N }) : undefined;
  const queue = turn ? counted.gather(0, turn.order_N) : counted;
  const before = (t: Tensor, axis: number) => t.cumsum(axis, { exclusive: true }).mul(t).sum(-1);
  if (order === "tokens") return before(queue.reshape([B, (N / B) * K, E]), 1).reshape([N, K]);
  const byChoice = queue.reshape([B, N / B, K, E]).transpose([0, 2, 1, 3]);
  const place_BKT = before(byChoice.reshape([B, (N / B) * K, E]), 1).reshape([B, K, N / B]);
  const place_NK = place_BKT.transpose([0, 2, 1]).reshape([N, K]);
  return turn ? place_NK.gather(0, turn.back_N) : place_NK;
}

/** Tokens of each sequence by falling weight, padding last, as row numbers; and the way back. */
function turnsOf(
  weights_NK: Tensor,
  { sequences: B, real_N }: { sequences: number; real_N: Tensor | undefined },
): { order_N: Tensor; back_N: Tensor } {
  const N = weights_NK.dim(0);
  const greatest_N = weights_NK.stopGradient().max(-1);
  const wanted_N = real_N ? where(real_N.greater(0), greatest_N, -1) : greatest_N;
  const { indices } = wanted_N.reshape([B, N / B]).topk(-1, N / B);
  const first_B1 = iota(B)
    .mul(N / B)
    .unsqueeze(1);
  const order_N = indices.add(first_B1).reshape([N]);
  return { order_N, back_N: zeros([N], "i32").scatterAdd(0, order_N, iota(N)) };
}

/** Unserved choices write behind the last of `size` slots and read slot 0, with weight 0. */
function slotsOf(
  slot_NK: Tensor,
  { served, size }: { served: Tensor | undefined; size: number },
): Pick<Dispatch, "tokens_R" | "slots_NK" | "served_NK"> {
  if (served === undefined) {
    const slots_NK = slot_NK.cast("i32");
    return { slots_NK, tokens_R: tokensIn(slots_NK, size) };
  }
  return {
    tokens_R: tokensIn(where(served, slot_NK, size).cast("i32"), size + 1).slice(0, 0, size),
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
