/** Discrete Fourier transforms composed of products with matrices; complex numbers are pairs of real tensors. */
import { constant, type Tensor, zeros } from "../tensor/index.ts";
import { mapComplex } from "./complex.ts";
import { type Grid, gridOf, isWhole, keptColumns, realTransform, transform, waves } from "./fourier-steps.ts";
import { padOrCrop } from "./layout.ts";

export interface Complex {
  re: Tensor;
  im: Tensor;
}

export type FourierNorm = "backward" | "ortho" | "forward";

interface Options {
  axis?: number;
  /** Length of the transform: the input is cut or padded with zeros to it. */
  n?: number;
  norm?: FourierNorm;
}

/** Factor in front of the transform of this direction. */
function factor(norm: FourierNorm, n: number, direction: "forward" | "inverse"): number {
  if (norm === "ortho") return 1 / Math.sqrt(n);
  return (norm === "forward") === (direction === "forward") ? 1 / n : 1;
}

const sized = (x: Tensor, axis: number, n: number): Tensor => padOrCrop(x, axis, 0, n - x.dim(axis));

const scaled = (x: Tensor, alpha: number): Tensor => (alpha === 1 ? x : x.mul(alpha));

/** Σ x[t]·e^(−2πi·f·t/n) for f = 0 … ⌊n/2⌋. */
export function rfft(x: Tensor, { axis = -1, n = x.dim(axis), norm = "backward" }: Options = {}): Complex {
  const bins = spectrumOf(sized(x, axis, n).swap(axis, -1), factor(norm, n, "forward"));
  return mapComplex(bins, (part) => part.swap(axis, -1));
}

function spectrumOf(x: Tensor, alpha: number): Complex {
  const n = x.dim(-1);
  const bins = Math.floor(n / 2) + 1;
  if (isWhole(n)) return mapComplex(waves(n, bins, n, -1), (part) => x.matmul(part, { alpha }));
  const grid = gridOf(n);
  if (grid)
    return mapComplex(realTransform(grid).forward(x), (part) => scaled(inOrder(part).slice(-1, 0, bins), alpha));
  const whole = transform({ re: x, im: zeros(x.shape) }, -1, alpha);
  return mapComplex(whole, (part) => part.slice(-1, 0, bins));
}

/** [.., g, h] → [.., g + rows·h]. */
function inOrder(x: Tensor): Tensor {
  return x.swap(-1, -2).reshape([...x.shape.slice(0, -2), x.dim(-1) * x.dim(-2)]);
}

/** Its inverse, filled up with zeros. */
function onGrid(x: Tensor, grid: Grid): Tensor {
  const kept = keptColumns(grid);
  const filled = x.pad(-1, 0, kept * grid.rows - x.dim(-1));
  return filled.reshape([...x.shape.slice(0, -1), kept, grid.rows]).swap(-1, -2);
}

/** Real inverse of {@link rfft}; imaginary parts at 0 and n/2 are ignored. */
export function irfft(
  { re, im }: Complex,
  { axis = -1, n = 2 * (re.dim(axis) - 1), norm = "backward" }: Options = {},
): Tensor {
  const bins = mapComplex({ re, im }, (part) => sized(part, axis, Math.floor(n / 2) + 1).swap(axis, -1));
  return signalOf(bins, n, factor(norm, n, "inverse")).swap(axis, -1);
}

function signalOf(X: Complex, n: number, alpha: number): Tensor {
  const bins = Math.floor(n / 2) + 1;
  const own = (f: number) => f === 0 || 2 * f === n;
  const share = (alone: number) =>
    constant(
      Float64Array.from({ length: bins }, (_, f) => (own(f) ? alone : 2)),
      [bins],
    );
  if (isWhole(n)) {
    const { re, im } = mapComplex(waves(bins, n, n, 1), (part) => part.mul(share(1).unsqueeze(1)));
    return X.re.matmul(re, { alpha }).sub(X.im.matmul(im, { alpha }));
  }
  const both = { re: scaled(X.re.mul(share(1)), alpha), im: scaled(X.im.mul(share(0)), alpha) };
  const grid = gridOf(n);
  if (grid) return realTransform(grid).inverse(mapComplex(both, (part) => onGrid(part, grid)));
  return transform(
    mapComplex(both, (part) => part.pad(-1, 0, n - bins)),
    1,
  ).re;
}

/** Complex transform, e^(∓2πi·f·t/n). */
export function fft(
  x: Complex,
  { axis = -1, norm = "backward", inverse = false }: Options & { inverse?: boolean } = {},
): Complex {
  const alpha = factor(norm, x.re.dim(axis), inverse ? "inverse" : "forward");
  const last = mapComplex(x, (part) => part.swap(axis, -1));
  return mapComplex(transform(last, inverse ? 1 : -1, alpha), (part) => part.swap(axis, -1));
}

/** {@link rfft} over the last axis, then {@link fft} over the one before. */
export const rfft2 = (x: Tensor, norm: FourierNorm = "backward"): Complex => fft(rfft(x, { norm }), { axis: -2, norm });
