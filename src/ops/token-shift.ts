import { concat, type Tensor, zeros } from "../tensor/index.ts";

/** Axes: B batch, T time, D model. */
export interface TokenShiftInput {
  /** [B, T, D], or [T, B, D] with `time` 0. */
  x: Tensor;
  /** The axis of time. */
  time: 0 | 1;
  /** The token before the first; absent means zeros. */
  last_BD?: Tensor | undefined;
  /** bool, true at real tokens, which are consecutive. */
  mask_BT?: Tensor | undefined;
}

export interface TokenShiftResult {
  /** The real token before each token, in the layout of x. */
  previous: Tensor;
  /** The last real token, or what stood before the first where there is none. */
  last_BD: Tensor;
}

/** Every token beside the one before it (RWKV's token shift, Peng et al. 2023, section 3.1.1). */
export function tokenShift({ x, time, last_BD, mask_BT }: TokenShiftInput): TokenShiftResult {
  const start = last_BD ?? zeros([x.dim(1 - time), x.dim(2)]);
  const first = start.unsqueeze(time);
  const previous = concat(time, [first, x.slice(time, 0, -1)]);
  if (mask_BT === undefined) return { previous, last_BD: x.at(time, -1) };
  const real = time === 1 ? mask_BT.cast("f32") : mask_BT.cast("f32").swap(0, 1);
  const isFirst = real.mul(real.cumsum(time, { exclusive: true }).equal(0).cast("f32")).unsqueeze(-1);
  const isLast = real.mul(real.cumsum(time, { exclusive: true, reverse: true }).equal(0).cast("f32")).unsqueeze(-1);
  const none_B1 = real.sum(time).equal(0).cast("f32").unsqueeze(-1);
  return {
    previous: previous.add(first.sub(previous).mul(isFirst)),
    last_BD: x.mul(isLast).sum(time).add(start.mul(none_B1)),
  };
}
