/**
 * Runs tokens through experts. Axes: N tokens, K choices per token, E experts, D model, F hidden, G groups of M slots.
 */
import { blockDispatch, blocksFor, type Dispatch, type Routing } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { type ActivationKind, activations } from "./activation.ts";

/** Weights of all experts; without `gate_EDF` they are plain two-layer nets. */
export interface Experts {
  gate_EDF?: Tensor | undefined;
  up_EDF: Tensor;
  down_EFD: Tensor;
  activation: ActivationKind;
}

/** Each expert on its own rows, as many for each: [E, M, D] → [E, M, D]. */
export function expertNets(x_EMD: Tensor, experts: Experts): Tensor {
  return hiddenOf(x_EMD, experts).matmul(experts.down_EFD);
}

/** The hidden layer, given matching leading axes. */
function hiddenOf(x: Tensor, { gate_EDF, up_EDF, activation }: Experts): Tensor {
  const up = x.matmul(up_EDF);
  const act = activations[activation];
  return gate_EDF ? act(x.matmul(gate_EDF)).mul(up) : act(up);
}

/** Every expert on every token, weighted: N·E expert passes. The form for few tokens. */
function denseExperts(x_ND: Tensor, { weights_NK, chosen_NKE }: Routing, experts: Experts): Tensor {
  const weights_NE = weights_NK.unsqueeze(-1).mul(chosen_NKE).sum(1);
  const weights_EN1 = weights_NE.transpose([1, 0]).unsqueeze(-1);
  return hiddenOf(x_ND.unsqueeze(0), experts).mul(weights_EN1).matmul(experts.down_EFD).sum(0);
}

/** Each expert on its own tokens: one batched product over groups of slots. */
export function dispatchedExperts(
  x_ND: Tensor,
  { weights_NK }: Routing,
  { dispatch, experts }: { dispatch: Dispatch; experts: Experts },
): Tensor {
  const { groups, slotsPerGroup, tokens_R, slots_NK, served_NK, experts_GE } = dispatch;
  const own = experts_GE ? expertsOfGroups(experts, experts_GE) : experts;
  const x_GMD = x_ND.gather(0, tokens_R).reshape([groups, slotsPerGroup, -1]);
  const out_RD = expertNets(x_GMD, own).reshape([groups * slotsPerGroup, -1]);
  const weights = served_NK ? weights_NK.mul(served_NK) : weights_NK;
  return out_RD.gather(0, slots_NK).mul(weights.unsqueeze(-1)).sum(1);
}

/** Each group's weights, by a product with the one-hot choice: its gradient is a product too, not a scatter. */
function expertsOfGroups({ gate_EDF, up_EDF, down_EFD, activation }: Experts, experts_GE: Tensor): Experts {
  const pick = (w: Tensor) => experts_GE.matmul(w.reshape([w.dim(0), -1])).reshape([-1, w.dim(1), w.dim(2)]);
  return { gate_EDF: gate_EDF && pick(gate_EDF), up_EDF: pick(up_EDF), down_EFD: pick(down_EFD), activation };
}

const blockSizes = [16, 32, 64] as const;

/** The largest block of which an even share of the choices fills eight; partly empty blocks then cost an eighth. */
function blockFor(choices: number, experts: number): number {
  return blockSizes.findLast((block) => choices >= 8 * block * experts) ?? blockSizes[0];
}

/** Sorting tokens and copying weights costs about as much as this share of the products it saves. */
const sortingOverhead = 1.5;

/** Serves every choice in the form with the least work; both give the same result. */
export function exactExperts(
  x_ND: Tensor,
  routing: Routing,
  { experts, form }: { experts: Experts; form: "auto" | "dense" | "blocks" },
): Tensor {
  const [N, K, E] = routing.chosen_NKE.shape as [number, number, number];
  const block = blockFor(N * K, E);
  const slots = block * blocksFor({ choices: N * K, experts: E, block });
  const dense = form === "dense" || (form === "auto" && N * E <= sortingOverhead * slots);
  if (dense) return denseExperts(x_ND, routing, experts);
  return dispatchedExperts(x_ND, routing, {
    dispatch: blockDispatch({ chosen_NKE: routing.chosen_NKE, block }),
    experts,
  });
}
