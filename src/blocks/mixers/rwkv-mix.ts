/** What the RWKV generations share: tokens mixed with the one before them, how these mixes start, and the way out of heads. */
import { fromColumns, toColumns, tokenShift } from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import { type Init, vector } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";

/** Every token, how far the one before it lies from it, and the last token, which is the next state. Axes: B batch, D model. */
export interface ShiftedRows {
  x: Tensor;
  toPrevious: Tensor;
  last_BD: Tensor;
}

/** x [B, T, D] with the tokens before; with `time` 0 all is [T, B, D]. */
export function shiftedRows(
  x: Tensor,
  { time, last_BD, io }: { time: 0 | 1; last_BD: Tensor | undefined; io: Io },
): ShiftedRows {
  const shifted = tokenShift({ x, time, last_BD, mask_BT: io.mask_BT });
  return { x, toPrevious: shifted.previous.sub(x), last_BD: shifted.last_BD };
}

/** x_t + μ ⊙ (x_{t−1} − x_t), μ per feature or per token too. */
export const mixed = ({ x, toPrevious }: ShiftedRows, mu: Weight | Tensor): Tensor =>
  x.add(toPrevious.mul("declaration" in mu ? value(mu) : mu));

/** Where in the stack a layer stands decides how its mixes and decays start. */
export const depthText = "place in the stack, 0 first to 1 last layer: decides how mixes and decays start";

/** μ = 1 − (i/D)^power − more over features i: later features look back less. */
export function mixVector(size: number, { power, more = 0 }: { power: number; more?: number }) {
  return vector(
    size,
    overFeatures((i) => 1 - (i / size) ** power - more),
  );
}

/** A start given by the feature's index and its place from 0 to 1. */
export const overFeatures = (start: (i: number, place: number) => number): Init => ({
  kind: "values",
  fill: (_uniform, shape) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    return Array.from({ length: size }, (_, i) => start(i, i / Math.max(1, size - 1)));
  },
});

/** Starts of log(−log decay) and of the bonus over features, as the authors' code sets them for RWKV-5 and 6. */
export const headStarts = (depth: number) => ({
  decay: overFeatures((_, place) => -6 + 5 * place ** (0.7 + 1.3 * depth)),
  bonus: overFeatures((i, place) => depth * (1 - place) + 0.1 * (((i + 1) % 3) - 1)),
});

/** x [B, T, D] · W as columns by heads: [H, K, B, T]. */
export const headColumns = (x_BTD: Tensor, weight: Weight, heads: number): Tensor =>
  toColumns(x_BTD, value(weight)).reshape([heads, -1, x_BTD.dim(0), x_BTD.dim(1)]);

/** (o − mean) / √(variance + ε) · g + b within each head (group normalisation): [H, V, B, T]. */
export function normedHeads(
  o_HVBT: Tensor,
  { gain, offset, epsilon }: { gain: Weight; offset: Weight; epsilon: number },
): Tensor {
  const centred = o_HVBT.sub(o_HVBT.mean(1, true));
  const scale = centred.square().mean(1, true).add(epsilon).sqrt().reciprocal();
  const perChannel = (w: Weight) => value(w).reshape([o_HVBT.dim(0), -1, 1, 1]);
  return centred.mul(scale).mul(perChannel(gain)).add(perChannel(offset));
}

/** W_out (norm(o) ⊙ silu(gate)). */
export function gatedOutput(
  o_HVBT: Tensor,
  gate_HVBT: Tensor,
  { p, epsilon }: { p: { normGain: Weight; normOffset: Weight; out: Weight }; epsilon: number },
): Tensor {
  const normed = normedHeads(o_HVBT, { gain: p.normGain, offset: p.normOffset, epsilon });
  return fromColumns(normed.mul(silu(gate_HVBT)), value(p.out));
}
