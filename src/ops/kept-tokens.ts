/**
 * Some tokens of each sequence taken out and put back, in their order.
 * Axes: B batch, T tokens, K kept tokens.
 */
import { iota, sort, type Tensor, where, zeros } from "../tensor/index.ts";

/** The places of the K greatest values of each row, rising: values [B, T] → i32 [B, K]. */
export function greatestPlaces(values_BT: Tensor, kept: number): Tensor {
  const { indices } = values_BT.topk(-1, kept);
  return sort(indices.cast("f32"), -1).values.cast("i32");
}

/** x [B, T, …] at these places: [B, K, …]. */
export function takeTokens(x: Tensor, places_BK: Tensor): Tensor {
  const [B, T, ...rest] = x.shape as [number, number, ...number[]];
  const rows_BK = places_BK.add(iota(B).mul(T).unsqueeze(1));
  return x.reshape([B * T, ...rest]).gather(0, rows_BK);
}

/** x [B, T, …] with `taken` [B, K, …] in the places that it came from; all other elements keep their bits. */
export function putTokens(x: Tensor, places_BK: Tensor, taken: Tensor): Tensor {
  const [B, T] = [x.dim(0), x.dim(1)];
  const ones_BK = places_BK.mul(0).add(1);
  const kept_BT = zeros([B, T], "i32").scatterAdd(1, places_BK, ones_BK);
  const slots_BT = kept_BT.cumsum(1).sub(1).maximum(0);
  const here = kept_BT.greater(0).reshape([B, T, ...x.shape.slice(2).map(() => 1)]);
  return where(here, takeTokens(taken, slots_BT), x);
}
