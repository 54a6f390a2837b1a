/** Discrete Fourier transforms as products with their matrices; complex numbers are pairs of real tensors. */
import { constant, type Tensor } from "../tensor/index.ts";
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

/** scale·f(2π·row·column/n) as a constant. */
function waves(f: (angle: number) => number, rows: number, columns: number, n: number): Tensor {
  const values = Array.from({ length: rows * columns }, (_, i) =>
    f((2 * Math.PI * ((Math.floor(i / columns) * (i % columns)) % n)) / n),
  );
  return constant(values, [rows, columns]);
}

const onLast = (x: Tensor, axis: number, f: (x: Tensor) => Tensor): Tensor => f(x.swap(axis, -1)).swap(axis, -1);

const sized = (x: Tensor, axis: number, n: number): Tensor => padOrCrop(x, axis, 0, n - x.dim(axis));

/** Σ x[t]·e^(−2πi·f·t/n) for f = 0 … ⌊n/2⌋. */
export function rfft(x: Tensor, { axis = -1, n = x.dim(axis), norm = "backward" }: Options = {}): Complex {
  const alpha = factor(norm, n, "forward");
  const part = (f: (angle: number) => number) =>
    onLast(sized(x, axis, n), axis, (t) => t.matmul(waves(f, n, Math.floor(n / 2) + 1, n), { alpha }));
  return { re: part(Math.cos), im: part((angle) => -Math.sin(angle)) };
}

/** Real inverse of {@link rfft}; imaginary parts at 0 and n/2 are ignored. */
export function irfft(
  { re, im }: Complex,
  { axis = -1, n = 2 * (re.dim(axis) - 1), norm = "backward" }: Options = {},
): Tensor {
  const bins = Math.floor(n / 2) + 1;
  const alpha = factor(norm, n, "inverse");
  const twice = constant(
    Array.from({ length: bins }, (_, f) => (f === 0 || 2 * f === n ? 1 : 2)),
    [bins, 1],
  );
  const part = (x: Tensor, f: (angle: number) => number) =>
    onLast(sized(x, axis, bins), axis, (t) => t.matmul(waves(f, bins, n, n).mul(twice), { alpha }));
  return part(re, Math.cos).sub(part(im, Math.sin));
}

/** Complex transform, e^(∓2πi·f·t/n). */
export function fft(
  { re, im }: Complex,
  { axis = -1, norm = "backward", inverse = false }: Options & { inverse?: boolean } = {},
): Complex {
  const n = re.dim(axis);
  const alpha = factor(norm, n, inverse ? "inverse" : "forward");
  const sign = inverse ? 1 : -1;
  const times = (x: Tensor, f: (angle: number) => number) =>
    onLast(x, axis, (t) => t.matmul(waves(f, n, n, n), { alpha }));
  const sine = (angle: number) => sign * Math.sin(angle);
  return { re: times(re, Math.cos).sub(times(im, sine)), im: times(re, sine).add(times(im, Math.cos)) };
}

/** {@link rfft} over the last axis, then {@link fft} over the one before. */
export const rfft2 = (x: Tensor, norm: FourierNorm = "backward"): Complex => fft(rfft(x, { norm }), { axis: -2, norm });
