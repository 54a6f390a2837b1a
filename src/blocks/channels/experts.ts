/**
 * Runs tokens through experts. Axes: N tokens, K choices per token, E experts, D model, F hidden, G groups of M slots.
 */
import { blockDispatch, blocksFor, type Dispatch, type Routing } from "../../ops/index.ts";
import { type Tensor, zeros } from "../../tensor/index.ts";
import { type HiddenUnit, hiddenUnit } from "./gated-unit.ts";

/** Weights of all experts; without `gate_EDF` they are plain two-layer nets. */
export interface Experts {
  gate_EDF?: Tensor | undefined;
  up_EDF: Tensor;
  down_EFD: Tensor;
  gateBias_EF?: Tensor | undefined;
  upBias_EF?: Tensor | undefined;
  downBias_ED?: Tensor | undefined;
  unit: HiddenUnit;
}

/**
 * Where a choice's weight acts. output: on what the expert gives; input: on what it is given (Llama 4);
 * straight-through: on the output, and its input's gradient reaches the weight as if it were on both (ST-MoE's package).
 */
export const weightings = ["output", "input", "straight-through"] as const;
export type Weighting = (typeof weightings)[number];

/** Choices, and how they are served; `served_NK` 0 where a choice is dropped. */
export interface Serving {
  routing: Routing;
  weighting?: Weighting;
  served_NK?: Tensor | undefined;
}

interface Factors {
  input_NK?: Tensor;
  output_NK: Tensor;
}

function factorsOf({ routing: { weights_NK, chosen_NKE }, weighting, served_NK }: Serving): Factors {
  const kept = (t: Tensor) => (served_NK ? t.mul(served_NK) : t);
  if (weighting === "input") return { input_NK: kept(weights_NK), output_NK: kept(chosen_NKE.sum(-1)) };
  const output_NK = kept(weights_NK);
  if (weighting !== "straight-through") return { output_NK };
  const one = kept(weights_NK.sub(weights_NK.stopGradient()).add(1));
  return { input_NK: one, output_NK };
}

/** Each expert on its own rows, as many for each: [E, M, D] → [E, M, D]. */
export function expertNets(x_EMD: Tensor, experts: Experts): Tensor {
  const y = hiddenOf(x_EMD, experts).matmul(experts.down_EFD);
  return experts.downBias_ED ? y.add(experts.downBias_ED.unsqueeze(1)) : y;
}

/** The hidden layer, given matching leading axes. */
function hiddenOf(x: Tensor, { gate_EDF, up_EDF, gateBias_EF, upBias_EF, unit }: Experts): Tensor {
  const affine = (w: Tensor, b: Tensor | undefined) => (b ? x.matmul(w).add(b.unsqueeze(1)) : x.matmul(w));
  return hiddenUnit(affine(up_EDF, upBias_EF), gate_EDF && affine(gate_EDF, gateBias_EF), unit);
}

/** Every expert on every token, weighted: N·E expert passes. The form for few tokens. */
export function denseExperts(x_ND: Tensor, serving: Serving, experts: Experts): Tensor {
  const { chosen_NKE } = serving.routing;
  const spread = (t_NK: Tensor) => t_NK.unsqueeze(-1).mul(chosen_NKE).sum(1);
  const column = (t_NE: Tensor) => t_NE.transpose([1, 0]).unsqueeze(-1);
  const { input_NK, output_NK } = factorsOf(serving);
  const x_1ND = x_ND.unsqueeze(0);
  const x = input_NK ? x_1ND.mul(column(spread(input_NK))) : x_1ND;
  const weights_NE = spread(output_NK);
  const y_ND = hiddenOf(x, experts).mul(column(weights_NE)).matmul(experts.down_EFD).sum(0);
  return experts.downBias_ED ? y_ND.add(weights_NE.matmul(experts.downBias_ED)) : y_ND;
}

/** Each expert on its own tokens: one batched product over groups of slots. */
export function dispatchedExperts(
  x_ND: Tensor,
  serving: Serving,
  { dispatch, experts }: { dispatch: Dispatch; experts: Experts },
): Tensor {
  const { groups, slotsPerGroup, tokens_R, slots_NK, served_NK, experts_GE } = dispatch;
  const own = experts_GE ? expertsOfGroups(experts, experts_GE) : experts;
  const { input_NK, output_NK } = factorsOf({ ...serving, served_NK });
  const x_RD = x_ND.gather(0, tokens_R);
  const scaled_RD = input_NK ? x_RD.mul(bySlot(input_NK, slots_NK, tokens_R.size).unsqueeze(1)) : x_RD;
  const out_RD = expertNets(scaled_RD.reshape([groups, slotsPerGroup, -1]), own).reshape([groups * slotsPerGroup, -1]);
  return out_RD.gather(0, slots_NK).mul(output_NK.unsqueeze(-1)).sum(1);
}

/** Values of choices at their slots, 0 at empty ones; unserved choices hold 0 and so leave slot 0 as it is. */
const bySlot = (values_NK: Tensor, slots_NK: Tensor, slots: number): Tensor =>
  zeros([slots]).scatterAdd(0, slots_NK.reshape([-1]), values_NK.reshape([-1]));

/** Each group's weights, by a product with the one-hot choice: its gradient is a product too, not a scatter. */
function expertsOfGroups({ unit, ...weights }: Experts, experts_GE: Tensor): Experts {
  const pick = (w: Tensor) => experts_GE.matmul(w.reshape([w.dim(0), -1])).reshape([-1, ...w.shape.slice(1)]);
  const picked = Object.entries(weights).map(([name, w]) => [name, w && pick(w)] as const);
  return { ...(Object.fromEntries(picked) as unknown as Omit<Experts, "unit">), unit };
}

const blockSizes = [16, 32, 64] as const;

/** The largest block of which an even share of the choices fills eight; partly empty blocks then cost an eighth. */
export function blockFor(choices: number, experts: number): number {
  return blockSizes.findLast((block) => choices >= 8 * block * experts) ?? blockSizes[0];
}

/** Sorting tokens and copying weights costs about as much as this share of the products it saves. */
const sortingOverhead = 1.5;

interface ExactOptions {
  experts: Experts;
  form: "auto" | "dense" | "blocks";
  /** Whether some choices are of no expert. */
  partial?: boolean;
}

/** Serves every choice in the form with the least work; both give the same result. */
export function exactExperts(x_ND: Tensor, serving: Serving, { experts, form, partial = false }: ExactOptions): Tensor {
  const { chosen_NKE } = serving.routing;
  const [N, K, E] = chosen_NKE.shape as [number, number, number];
  const block = blockFor(N * K, E);
  const saves = savesBySorting({ tokens: N, choices: N * K, experts: E });
  if (form === "dense" || (form === "auto" && !saves)) return denseExperts(x_ND, serving, experts);
  return dispatchedExperts(x_ND, serving, { dispatch: blockDispatch({ chosen_NKE, block, partial }), experts });
}

/** Whether experts on their own tokens take less time than all on every token. */
export function savesBySorting(at: Parameters<typeof expertPasses>[0]): boolean {
  const passes = expertPasses(at);
  return passes.dense > sortingOverhead * passes.blocks;
}

/** Passes of a token through an expert that each form executes; `choices` of them are what is asked for. */
export function expertPasses({ tokens, choices, experts }: { tokens: number; choices: number; experts: number }) {
  const block = blockFor(choices, experts);
  return { choices, dense: tokens * experts, blocks: block * blocksFor({ choices, experts, block }) };
}
