import type { Tensor } from "../../tensor/index.ts";
import { linear, type Weight } from "../weights/use.ts";
import { type NormContext, normaliseColumns } from "./attention-norm.ts";

export interface Heads {
  /** Query heads. */
  H: number;
  /** Key and value heads. */
  G: number;
  /** Width of a head. */
  K: number;
  /** Width of a head's values. */
  V: number;
}

type Projections = NormContext & {
  c: { clip?: number | undefined };
  p: { qkv: Weight; qkvBias?: Weight };
};

/** q [B, H, T, K], k [B, G, T, K] and v [B, G, T, V] of x [B, T, D] by one product with the columns of q, k and v side by side. */
export function projectHeads(
  x_BTD: Tensor,
  { c, p }: Projections,
  { H, G, K, V }: Heads,
): [q: Tensor, k: Tensor, v: Tensor] {
  const normed = normaliseColumns(linear(x_BTD, p.qkv, p.qkvBias), { c, p });
  const joined = c.clip === undefined ? normed : normed.maximum(-c.clip).minimum(c.clip);
  if (V === K) return splitHeads(joined, H + 2 * G).split(1, [H, G, G]) as [Tensor, Tensor, Tensor];
  const [q, k, v] = joined.split(-1, [H * K, G * K, G * V]) as [Tensor, Tensor, Tensor];
  return [splitHeads(q, H), splitHeads(k, G), splitHeads(v, G)];
}

/** [B, T, heads·V] → [B, heads, T, V]. */
export function splitHeads(x_BTF: Tensor, heads: number): Tensor {
  const [B, T, F] = x_BTF.shape as [number, number, number];
  return T === 1 ? x_BTF.reshape([B, heads, 1, F / heads]) : x_BTF.reshape([B, T, heads, F / heads]).swap(1, 2);
}

/** [B, H, T, V] → [B, T, H·V]. */
export function mergeHeads(y_BHTV: Tensor): Tensor {
  const [B, H, T, V] = y_BHTV.shape as [number, number, number, number];
  return (T === 1 ? y_BHTV : y_BHTV.swap(1, 2)).reshape([B, T, H * V]);
}
