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
}

type Projections = NormContext & { p: { qkv: Weight; qkvBias?: Weight } };

/** q [B, H, T, K], k and v [B, G, T, K] of x [B, T, D] by one product with the columns of q, k and v side by side. */
export function projectHeads(
  x_BTD: Tensor,
  { c, p }: Projections,
  { H, G, K }: Heads,
): [q: Tensor, k: Tensor, v: Tensor] {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const joined = normaliseColumns(linear(x_BTD, p.qkv, p.qkvBias), { c, p });
  const heads = T === 1 ? joined.reshape([B, H + 2 * G, 1, K]) : joined.reshape([B, T, H + 2 * G, K]).swap(1, 2);
  return heads.split(1, [H, G, G]) as [Tensor, Tensor, Tensor];
}

/** [B, H, T, V] → [B, T, H·V]. */
export function mergeHeads(y_BHTV: Tensor): Tensor {
  const [B, H, T, V] = y_BHTV.shape as [number, number, number, number];
  return (T === 1 ? y_BHTV : y_BHTV.swap(1, 2)).reshape([B, T, H * V]);
}
