/**
 * Discrete Fourier transforms in steps of products with small matrices (Cooley & Tukey 1965; as in Fu et al. 2023,
 * FlashFFTConv). With n = rows·columns, index t = columns·a + b and frequency f = g + rows·h: a product over a, a rotation by
 * g·b/n of a turn, a transform over b. Work grows with n^1.5 up to rows = columns = `largestMatrix`, and more slowly than n²
 * beyond. Complex numbers are pairs of real tensors.
 */
import { concat, constant, type Tensor, zeros } from "../tensor/index.ts";
import { complexProduct, mapComplex } from "./complex.ts";
import type { Complex } from "./fourier.ts";

/** Sign of the exponent in e^(direction·2πi·f·t/n). */
export type Direction = -1 | 1;

/** The axes into which an axis of rows·columns points is split. */
export interface Grid {
  rows: number;
  columns: number;
}

/** Up to this many points one product with the whole matrix is quicker than two with smaller ones and the passes between them. */
const largestMatrix = 256;

/** The same for lengths that do not split, against the three transforms of a convolution. */
const largestUnsplit = 1024;

/** Whether the transform of n points is one product with its whole matrix. */
export const isWhole = (n: number): boolean => n <= largestMatrix || (n <= largestUnsplit && gridOf(n) === undefined);

/** e^(direction·2πi·row·column/n) as constants [rows, columns]. */
export function waves(rows: number, columns: number, n: number, direction: Direction): Complex {
  const part = (f: (angle: number) => number) => {
    const turn = (2 * Math.PI) / n;
    const values = new Float64Array(rows * columns);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        values[row * columns + column] = f(direction * turn * ((row * column) % n));
    return constant(values, [rows, columns]);
  };
  return { re: part(Math.cos), im: part(Math.sin) };
}

/** How n points are split: rows the greatest divisor up to √n and `largestMatrix`; undefined where there is none but 1. */
export function gridOf(n: number): Grid | undefined {
  for (let rows = Math.min(largestMatrix, Math.floor(Math.sqrt(n))); rows > 1; rows--)
    if (n % rows === 0) return { rows, columns: n / rows };
  return undefined;
}

/** The split into multiples of 8 that needs the least work among those of at least this many points. */
export function gridOver(points: number): Grid {
  const work = ({ rows, columns }: Grid) => rows * columns * (rows + columns);
  let best: Grid | undefined;
  for (let rows = 8; rows <= largestMatrix; rows += 8) {
    const grid = { rows, columns: 8 * Math.ceil(points / rows / 8) };
    if (best === undefined || work(grid) <= work(best)) best = grid;
  }
  return best!;
}

/** Σ_t x[t]·e^(direction·2πi·f·t/n) along the last axis, times `alpha`. */
export function transform(x: Complex, direction: Direction, alpha = 1): Complex {
  const n = x.re.dim(-1);
  if (isWhole(n)) return timesRight(x, waves(n, n, n, direction), alpha);
  const grid = gridOf(n);
  if (grid === undefined) return chirpTransform(x, direction, alpha);
  const { rows, columns } = grid;
  const split = mapComplex(x, (part) => part.reshape([...part.shape.slice(0, -1), rows, columns]));
  const { re, im } = waves(rows, rows, rows, direction);
  const first = {
    re: re.matmul(split.re).sub(im.matmul(split.im)),
    im: re.matmul(split.im).add(im.matmul(split.re)),
  };
  const second = transform(complexProduct(first, waves(rows, columns, n, direction)), direction, alpha);
  return mapComplex(second, (part) => part.swap(-1, -2).reshape(x.re.shape));
}

/** Highest h + 1 that frequencies g + rows·h up to half of all need. */
export const keptColumns = ({ columns }: Grid): number => Math.floor(columns / 2) + 1;

/** The transform of real signals and its inverse, which share their constants. */
export interface RealTransform {
  /** The frequencies g + rows·h of a signal [.., n] for h = 0 … ⌊columns/2⌋, as [.., g, h]. */
  forward(x: Tensor): Complex;
  /** Re Σ_f X_f·e^(2πi·f·t/n) of frequencies in that order: [.., rows, ⌊columns/2⌋ + 1] → [.., n]. */
  inverse(X: Complex): Tensor;
}

export function realTransform(grid: Grid): RealTransform {
  const { rows, columns } = grid;
  const kept = keptColumns(grid);
  const first = waves(rows, rows, rows, -1);
  const turns = waves(rows, columns, rows * columns, -1);
  const second = isWhole(columns) ? waves(columns, kept, columns, -1) : undefined;
  return {
    forward(x) {
      const split = x.reshape([...x.shape.slice(0, -1), rows, columns]);
      const both = concat(0, [first.re, first.im]).matmul(split);
      const turned = complexProduct({ re: both.slice(-2, 0, rows), im: both.slice(-2, rows) }, turns);
      if (second) return timesRight(turned, second);
      return mapComplex(transform(turned, -1), (part) => part.slice(-1, 0, kept));
    },
    inverse(X) {
      const filled = () => mapComplex(X, (part) => part.pad(-1, 0, columns - kept));
      const { re, im } = timesConjugate(second ? timesAdjoint(X, second) : transform(filled(), 1), turns);
      const y = first.re.matmul(re).add(first.im.matmul(im));
      return y.reshape([...y.shape.slice(0, -2), rows * columns]);
    },
  };
}

/**
 * A transform as a convolution (Bluestein 1970), for prime lengths: with w_k = e^(direction·πi·k²/n),
 * X_f = w_f · Σ_t (x_t w_t) · conj(w_{f−t}).
 */
function chirpTransform(x: Complex, direction: Direction, alpha: number): Complex {
  const n = x.re.dim(-1);
  const { rows, columns } = gridOver(2 * n - 1);
  const m = rows * columns;
  const chirp = chirpOf(direction, n);
  const filled = mapComplex(complexProduct(x, chirp), (part) => part.pad(-1, 0, m - n));
  // conj(w) at k and m − k, as w is even.
  const answer = mapComplex(chirpOf(direction === 1 ? -1 : 1, n), (part) =>
    concat(0, [part, zeros([m - 2 * n + 1]), part.slice(0, 1).flip(0)]),
  );
  const product = complexProduct(transform(filled, -1), transform(answer, -1));
  const convolved = mapComplex(transform(product, 1, alpha / m), (part) => part.slice(-1, 0, n));
  return complexProduct(convolved, chirp);
}

/** e^(direction·πi·k²/n) for k < n; k² is taken modulo 2n, where it is exact. */
function chirpOf(direction: Direction, n: number): Complex {
  const part = (f: (angle: number) => number) =>
    constant(
      Float64Array.from({ length: n }, (_, k) => f((direction * Math.PI * ((k * k) % (2 * n))) / n)),
      [n],
    );
  return { re: part(Math.cos), im: part(Math.sin) };
}

const timesRight = (x: Complex, w: Complex, alpha = 1): Complex => ({
  re: x.re.matmul(w.re, { alpha }).sub(x.im.matmul(w.im, { alpha })),
  im: x.re.matmul(w.im, { alpha }).add(x.im.matmul(w.re, { alpha })),
});

/** x·w̄ᵀ. */
const timesAdjoint = (x: Complex, w: Complex): Complex => ({
  re: x.re.matmul(w.re, { transB: true }).add(x.im.matmul(w.im, { transB: true })),
  im: x.im.matmul(w.re, { transB: true }).sub(x.re.matmul(w.im, { transB: true })),
});

/** x·w̄, element by element. */
const timesConjugate = (x: Complex, w: Complex): Complex => ({
  re: x.re.mul(w.re).add(x.im.mul(w.im)),
  im: x.im.mul(w.re).sub(x.re.mul(w.im)),
});
