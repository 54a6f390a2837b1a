/** Plain loops from which the naive forms of tests are made: one token, nested arrays. */
type Vector = readonly number[];
type Matrix = readonly Vector[];

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
export const silu = (x: number): number => x * sigmoid(x);
export const softplus = (x: number): number => Math.log1p(Math.exp(x));

export const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
export const sum = (terms: Vector): number => terms.reduce((a, b) => a + b, 0);
export const dot = (a: Vector, b: Vector): number => sum(a.map((x, i) => x * b[i]!));

/** x · W column by column, plus a bias where there is one. */
export const times = (x: Vector, W: Matrix, b?: Vector): number[] =>
  range(W[0]!.length).map((j) => sum(x.map((value, i) => value * W[i]![j]!)) + (b?.[j] ?? 0));

/** v / √(mean v² + ε). */
export const rms = (v: Vector, epsilon: number): number[] =>
  v.map((x) => x / Math.sqrt(dot(v, v) / v.length + epsilon));

/** v / √(Σ v² + ε). */
export const unit = (v: Vector, epsilon = 1e-6): number[] => v.map((x) => x / Math.sqrt(dot(v, v) + epsilon));

/** Consecutive parts of equal size. */
export const cut = (v: Vector, parts: number): number[][] => {
  const size = v.length / parts;
  return range(parts).map((i) => v.slice(i * size, (i + 1) * size));
};

/** A copy of a stored matrix, or zeros. */
export const matrixFrom = (stored: Matrix | undefined, rows: number, columns: number): number[][] =>
  range(rows).map((i) => (stored ? [...stored[i]!] : new Array<number>(columns).fill(0)));

/** Depthwise causal convolution of one token's channels; `past` [channels][taps − 1], oldest first, moves on. */
export function shortConv(inputs: Vector, past: number[][], kernel: Matrix, bias?: Vector): number[] {
  return inputs.map((value, i) => {
    const window = [...past[i]!, value];
    past[i] = window.slice(1);
    return sum(window.map((x, j) => x * kernel[i]![j]!)) + (bias?.[i] ?? 0);
  });
}
