/**
 * Causal maps that need every earlier input, kept in a buffer whose entries from `length_B` on are garbage.
 * Axes: C channels, B batch, T new times, P places of the buffer, L taps; columns [C, B, T], buffers [B, C, P].
 */
import { concat, iota, type Tensor, where } from "../tensor/index.ts";

export interface History {
  past_BCP: Tensor;
  length_B: Tensor;
}

/** Applies a map over whole sequences to the earlier inputs and the new ones, and returns its outputs at the new ones. */
export function afterHistory(
  u_CBT: Tensor,
  { past_BCP, length_B }: History,
  map: (whole_CBT: Tensor) => Tensor,
): Tensor {
  const [C, B, T] = u_CBT.shape as [number, number, number];
  const P = past_BCP.dim(2);
  const length_B1 = length_B.unsqueeze(1);
  const slot = iota(P + T);
  const source = where(
    slot.less(length_B1),
    slot,
    slot
      .sub(length_B1)
      .add(P)
      .minimum(P + T - 1),
  );
  const all = concat(2, [past_BCP.transpose([1, 0, 2]), u_CBT]);
  const whole = where(slot.less(length_B1.add(T)), all.gatherElements(2, source.expand([C, B, P + T])), 0);
  const at = length_B1.add(iota(T));
  return map(whole).gatherElements(2, at.expand([C, B, T]));
}

/** One output of a convolution: kernel_CL · (the new input u [C, B, 1], then the past from the last on). */
export function convolveHistory(u_CB1: Tensor, { past_BCP, length_B }: History, kernel_CL: Tensor): Tensor {
  const [P, L] = [past_BCP.dim(2), kernel_CL.dim(1)];
  const lag_BP = length_B.unsqueeze(1).sub(iota(P));
  const known = lag_BP.greater(0).and(lag_BP.less(L));
  const weights_CBP = kernel_CL.gather(1, where(known, lag_BP, 0));
  const past_CBP = where(known, past_BCP.transpose([1, 0, 2]), 0);
  const present = u_CB1.mul(kernel_CL.slice(1, 0, 1).unsqueeze(1));
  return weights_CBP.mul(past_CBP).sum(2, true).add(present);
}
