import type { Init } from "../weights/declare.ts";

/** A depthwise kernel's start (and its bias's): uniform in ±1/√taps, as PyTorch starts a convolution of one input channel. */
export const kernelInit = (taps: number): Init => ({
  kind: "uniform",
  low: -1 / Math.sqrt(taps),
  high: 1 / Math.sqrt(taps),
});

/** Values that softplus turns into step sizes spread log-uniformly over `low` … `high` (Gu & Dao 2023, section 3.6). */
export const stepSizeInit = (low = 1e-3, high = 1e-1): Init => ({
  kind: "values",
  fill: (uniform, shape) => draws(shape, () => softplusInverse(Math.max(1e-4, low * (high / low) ** uniform()))),
});

/** log A with A uniform in `low` … `high` (Dao & Gu 2024, section 7.2). */
export const logRateInit = (low = 1, high = 16): Init => ({
  kind: "values",
  fill: (uniform, shape) => draws(shape, () => Math.log(low + (high - low) * uniform())),
});

const draws = (shape: readonly number[], draw: () => number) =>
  Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw);

/** x with softplus(x) = y > 0. */
const softplusInverse = (y: number) => y + Math.log(-Math.expm1(-y));
