import { iota, type Tensor, where } from "../../tensor/index.ts";

/**
 * A sliding window's buffer after `count_B` of `entries` (the others are padding) came behind `length_B` earlier ones:
 * entry t stands at slot t mod W. `held` is the buffer so far; without it the slots not reached hold zeros.
 */
export function intoWindow(
  entries: Tensor,
  {
    axis,
    window,
    count_B,
    length_B,
    held,
  }: { axis: number; window: number; count_B: Tensor; length_B: Tensor; held: Tensor | undefined },
): Tensor {
  const slot_1W = iota(window).unsqueeze(0);
  const last_B1 = length_B.add(count_B).sub(1).unsqueeze(1);
  // How long ago the newest entry of each slot came: 0 for the last one.
  const age_BW = last_B1.sub(slot_1W).add(window).mod(window);
  const index_BW = count_B.sub(1).unsqueeze(1).sub(age_BW);
  const along = entries.shape.map((dim, i) => (i === axis ? window : i === 0 ? dim : 1));
  const shape = entries.shape.map((dim, i) => (i === axis ? window : dim));
  const taken = entries.gatherElements(axis, index_BW.maximum(0).reshape(along).expand(shape));
  return where(index_BW.greaterEqual(0).reshape(along), taken, held ?? 0);
}
