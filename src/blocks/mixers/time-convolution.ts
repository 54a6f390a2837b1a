/**
 * A dense convolution over time as one product, for the mixers that are made of it.
 * Axes: B batch, T time, D model, F outputs, R = (taps − 1)·dilation inputs before the present.
 */
import { fromColumns, timeWindows } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import { value, type Weight } from "../weights/use.ts";

interface Reach {
  taps: number;
  dilation: number;
  causal: boolean;
}

/** [B, T, F] by weights [taps·D, F], the earliest tap first, and the state R inputs later. */
export function timeConvolution(
  x_BTD: Tensor,
  { weight, bias, reach, past, io }: { weight: Weight; bias: Weight; reach: Reach; past: Tensor | undefined; io: Io },
) {
  const { windows, state_BCP } = timeWindows({
    x_CBT: x_BTD.transpose([2, 0, 1]),
    ...reach,
    state_BCP: past,
    mask_BT: io.mask_BT,
  });
  return { rows: fromColumns(windows, value(weight)).add(value(bias)), s: reach.causal ? { past: state_BCP } : {} };
}

export const convolutionState = (D: number, { taps, dilation, causal }: Reach): { past?: number[] } =>
  causal ? { past: [D, (taps - 1) * dilation] } : {};

export const convolutionCapabilities = ({ causal }: { causal: boolean }) =>
  ({
    flow: causal ? "causal" : "bidirectional",
    state: causal ? "finite" : "none",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }) as const;

/** Tokens on either side of the present; a whole number of them is needed. */
export const sideOf = ({ taps, dilation, causal }: Reach): { side?: number } =>
  causal ? {} : { side: ((taps - 1) * dilation) / 2 };
