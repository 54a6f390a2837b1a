/**
 * Attention over some of the keys, the same ones for all queries of a sequence.
 * Axes: B batch, H query heads, G key heads, T tokens, C chosen keys, K key width, V value width.
 */
import { concat, iota, type Tensor, where } from "../tensor/index.ts";
import { groupedProduct } from "./blockwise-attention.ts";

export interface SubsampledAttention {
  q_BHTK: Tensor;
  k_BGTK: Tensor;
  v_BGTV: Tensor;
  scale: number;
  causal: boolean;
  /** Distance in tokens from which keys are not seen. */
  window?: number | undefined;
  /** bool [B, T]: keys that exist. */
  mask_BT?: Tensor | undefined;
  /** i32 [B or 1, C]: which keys. */
  chosen_BC: Tensor;
}

/**
 * y [B, H, T, V] and weights over C keys and, where causal, over the query's own, which each sees besides the chosen ones:
 * the first queries would have none else. Hussain et al. 2023, section 3.2.
 */
export function subsampledAttention(a: SubsampledAttention): { y_BHTV: Tensor; weights_BHTS: Tensor } {
  const [B, H, T] = [a.q_BHTK.dim(0), a.q_BHTK.dim(1), a.q_BHTK.dim(2)];
  const chosen_BC = a.chosen_BC.expand([B, a.chosen_BC.dim(1)]);
  const pick = (x: Tensor) => {
    const [, G, , width] = x.shape as [number, number, number, number];
    return x.gatherElements(
      2,
      chosen_BC
        .unsqueeze(1)
        .unsqueeze(3)
        .expand([B, G, chosen_BC.dim(1), width]),
    );
  };
  const scores = groupedProduct(a.q_BHTK, pick(a.k_BGTK), a.scale);
  const hidden = where(seen(a, chosen_BC, T).unsqueeze(1), scores, -1e30);
  if (!a.causal) {
    const weights = hidden.softmax(-1);
    return { y_BHTV: averaged(weights, pick(a.v_BGTV)), weights_BHTS: weights };
  }
  const own = a.q_BHTK.mul(forHeads(a.k_BGTK, H)).sum(-1, true).mul(a.scale);
  const weights = concat(-1, [hidden, own]).softmax(-1);
  const C = chosen_BC.dim(1);
  const rest = forHeads(a.v_BGTV, H).mul(weights.slice(-1, C));
  return { y_BHTV: averaged(weights.slice(-1, 0, C), pick(a.v_BGTV)).add(rest), weights_BHTS: weights };
}

/** bool [B, T, C]: a causal query sees itself apart. */
function seen({ causal, window, mask_BT }: SubsampledAttention, chosen_BC: Tensor, T: number): Tensor {
  const apart = iota(T).unsqueeze(1).sub(chosen_BC.unsqueeze(1));
  const limits = [
    causal ? apart.greater(0) : undefined,
    window === undefined ? undefined : apart.abs().less(window),
    mask_BT?.gatherElements(1, chosen_BC).unsqueeze(1),
  ].filter((limit) => limit !== undefined);
  return limits.reduce((all, limit) => all.and(limit), apart.greater(-T));
}

/** [B, H, T, C] · [B, G, C, V] → [B, H, T, V]; query heads that share a key head are rows of one product. */
function averaged(weights: Tensor, values: Tensor): Tensor {
  const [B, H, T, C] = weights.shape as [number, number, number, number];
  const G = values.dim(1);
  return weights
    .reshape([B, G, (H / G) * T, C])
    .matmul(values)
    .reshape([B, H, T, values.dim(3)]);
}

/** [B, G, T, K] → [B, H, T, K]. */
function forHeads(x: Tensor, H: number): Tensor {
  const [B, G, T, K] = x.shape as [number, number, number, number];
  if (G === H) return x;
  return x
    .unsqueeze(2)
    .expand([B, G, H / G, T, K])
    .reshape([B, H, T, K]);
}
