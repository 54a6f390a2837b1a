/** Projections after a short causal convolution and silu, by heads, as columns [heads, features, B, T]. */
import { type CausalConvInput, type CausalConvResult, convolveParts, toColumns } from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import { value, type Weight } from "../weights/use.ts";

/** The two recurrences of a layer, both over all times at once or both by one time. */
export interface ConvolvedForm<Input, Output> {
  conv: (input: CausalConvInput) => CausalConvResult;
  scan: (input: Input) => Output;
}

interface ConvolvedHeads {
  /** Each projection and into how many heads it falls. */
  parts: readonly { weight: Weight; heads: number }[];
  /** Taps of all parts' channels in this order. */
  kernel: Weight;
  conv: (input: CausalConvInput) => CausalConvResult;
  state_BCP: Tensor | undefined;
  io: Io;
}

/** The parts in order, and the convolution's next state. */
export function convolvedHeads(x_BTD: Tensor, { parts, kernel, conv, state_BCP, io }: ConvolvedHeads) {
  const columns = parts.map(({ weight }) => toColumns(x_BTD, value(weight)));
  const mixed = convolveParts(conv, columns, { kernel_CK: value(kernel), state_BCP, mask_BT: io.mask_BT });
  const heads = mixed.parts.map((x, i) => silu(x).reshape([parts[i]!.heads, -1, ...x.shape.slice(1)]));
  return { heads, state_BCP: mixed.state_BCP };
}
