import type { ActivationKind } from "./activation.ts";

/** Abramowitz & Stegun 7.1.5: the series of erf, which converges everywhere and fast for small arguments. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** The definitions of all activations, for tests. */
export const naiveActivations: Readonly<Record<ActivationKind, (x: number) => number>> = {
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  "gelu-tanh": (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x) => Math.max(0, x),
  "relu-squared": (x) => Math.max(0, x) ** 2,
  silu: (x) => x * sigmoid(x),
  sigmoid,
  tanh: Math.tanh,
  identity: (x) => x,
};

/** x [inputs] · W [inputs][outputs] + b. */
export function affine(x: readonly number[], w: readonly (readonly number[])[], b?: readonly number[]): number[] {
  return w[0]!.map((_, j) => x.reduce((sum, v, i) => sum + v * w[i]![j]!, b?.[j] ?? 0));
}
