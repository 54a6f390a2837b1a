import { constant, rmsNorm, type Tensor } from "../../tensor/index.ts";
import { linear, value, type Weight } from "../weights/use.ts";

export interface Heads {
  /** Query heads. */
  H: number;
  /** Key and value heads. */
  G: number;
  /** Width of a head. */
  K: number;
}

/** q [B, H, T, K], k and v [B, G, T, K] of x [B, T, D] by one product with the columns of q, k and v side by side. */
export function projectHeads(x_BTD: Tensor, { qkv, qkvBias }: { qkv: Weight; qkvBias?: Weight }, { H, G, K }: Heads): [q: Tensor, k: Tensor, v: Tensor] {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const joined = linear(x_BTD, qkv, qkvBias);
  const heads = T === 1 ? joined.reshape([B, H + 2 * G, 1, K]) : joined.reshape([B, T, H + 2 * G, K]).swap(1, 2);
  return heads.split(1, [H, G, G]) as [Tensor, Tensor, Tensor];
}

/** [B, H, T, V] → [B, T, H·V]. */
export function mergeHeads(y_BHTV: Tensor): Tensor {
  const [B, H, T, V] = y_BHTV.shape as [number, number, number, number];
  return (T === 1 ? y_BHTV : y_BHTV.swap(1, 2)).reshape([B, T, H * V]);
}

/** x / |x| over the last axis, as an RMS norm whose gain is 1/√K: one fused op. */
export function unitLength(x: Tensor): Tensor {
  const K = x.dim(-1);
  return rmsNorm(x, constant(new Float64Array(K).fill(K ** -0.5), [K]), 1e-12);
}

/** RMS norm of every head with one gain [K] for all of them. */
export const headNorm = (x: Tensor, gain: Weight, epsilon: number): Tensor => rmsNorm(x, value(gain), epsilon);
