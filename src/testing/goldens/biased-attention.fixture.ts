import { mergeHeads, splitHeads } from "../../blocks/mixers/attention-heads.ts";
import { blockwiseAttention } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { StoredAttention, StoredLinear } from "./attention-of.fixture.ts";

/** x [..., inputs] through a stored map. */
export function mapped(x: Tensor, { weight, bias }: StoredLinear): Tensor {
  const y = x.matmul(weight, { transB: true });
  return bias ? y.add(bias) : y;
}

interface Biased {
  heads: number;
  /** Added to scaled scores: [B or 1, H, T or 1, T]. */
  bias: Tensor;
  scale?: number;
  causal?: boolean;
  mask_BT?: Tensor | undefined;
  /** Queries, keys and values before they meet. */
  adjust?: (x: Tensor, which: "q" | "k" | "v") => Tensor;
  /** Factor on what the heads gather, side by side: [B, T, H·V]. */
  gate?: Tensor;
}

/** Attention with a bias on scores that the case gives: a matter of the op, not of the mixer. */
export function biasedAttention(x: Tensor, { q, k, v, out }: StoredAttention, given: Biased) {
  const { heads, bias, causal = false, mask_BT, adjust = (t) => t } = given;
  const [B, T] = [x.dim(0), x.dim(1)];
  const split = (map: StoredLinear, which: "q" | "k" | "v") => splitHeads(adjust(mapped(x, map), which), heads);
  const q_BHTK = split(q, "q");
  const rows = bias.expand([bias.dim(0) === 1 ? 1 : B, heads, T, T]);
  const { y_BHTV, weights_BHTS } = blockwiseAttention({
    q_BHTK,
    k_BGTK: split(k, "k"),
    v_BGTV: split(v, "v"),
    scale: given.scale ?? q_BHTK.dim(3) ** -0.5,
    causal,
    mask_BT,
    bias: (queries, keys) => rows.slice(2, queries.start, queries.end).slice(3, keys.start, keys.end),
  });
  const gathered = mergeHeads(y_BHTV);
  return { y: mapped(given.gate ? gathered.mul(given.gate) : gathered, out), weights: weights_BHTS };
}
