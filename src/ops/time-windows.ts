/**
 * The inputs under a convolution's taps, side by side, so that the convolution is one product.
 * Axes: C channels, B batch, T time, P = (taps − 1)·dilation earlier inputs; columns [C, B, T].
 */
import { concat, type Tensor, where, zeros } from "../tensor/index.ts";
import { alignLeft, columnsBefore } from "./align-left.ts";

export interface TimeWindowsInput {
  x_CBT: Tensor;
  taps: number;
  /** Times between taps. */
  dilation: number;
  /** The last tap is on the present; otherwise the middle one (taps odd), and there is no state. */
  causal: boolean;
  /** The inputs before the first, oldest first; absent means zeros. */
  state_BCP?: Tensor | undefined;
  /** bool, true at real tokens, which must be consecutive. */
  mask_BT?: Tensor | undefined;
}

export interface TimeWindowsResult {
  /** [taps·C, B, T], the earliest tap first. */
  windows: Tensor;
  /** The last P real inputs. */
  state_BCP: Tensor;
}

export function timeWindows({
  x_CBT,
  taps,
  dilation,
  causal,
  state_BCP,
  mask_BT,
}: TimeWindowsInput): TimeWindowsResult {
  const [C, B, T] = x_CBT.shape as [number, number, number];
  const reach = (taps - 1) * dilation;
  if (!causal) {
    const real = mask_BT ? where(mask_BT, x_CBT, 0) : x_CBT;
    return {
      windows: shifted(real.pad(2, reach / 2, reach / 2), { taps, dilation, time: T }),
      state_BCP: zeros([B, C, 0]),
    };
  }
  const aligned = mask_BT && alignLeft(mask_BT);
  const before = state_BCP?.transpose([1, 0, 2]) ?? zeros([C, B, reach]);
  const all = concat(2, [before, aligned ? aligned.toFront(x_CBT) : x_CBT]);
  const windows = shifted(all, { taps, dilation, time: T });
  const last = aligned ? columnsBefore(all, aligned.lengths_B.add(reach), reach) : all.slice(2, T);
  return { windows: aligned ? aligned.toPlace(windows) : windows, state_BCP: last.transpose([1, 0, 2]) };
}

function shifted(x: Tensor, { taps, dilation, time }: { taps: number; dilation: number; time: number }): Tensor {
  const parts = Array.from({ length: taps }, (_, j) => x.slice(2, j * dilation, j * dilation + time));
  return concat(0, parts);
}
