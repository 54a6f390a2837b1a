/**
 * Causal convolution with kernels as long as the sequence: y_t = Σ_l k_l u_{t−l} per channel.
 * Axes: C channels, B batch, T time, L taps; columns [C, B, T].
 */
import { concat, constant, type Tensor } from "../tensor/index.ts";
import { complexProduct, mapComplex } from "./complex.ts";
import type { Complex } from "./fourier.ts";
import { padOrCrop } from "./layout.ts";
import { toeplitz } from "./lti-systems.ts";

/** Up to here a product with the kernel's Toeplitz matrix; beyond, Fourier transforms, which are exact only to rounding. */
const longestDirect = 128;

export function longConv(u_CBT: Tensor, kernel_CL: Tensor, direct = u_CBT.dim(2) <= longestDirect): Tensor {
  const T = u_CBT.dim(2);
  const kernel_CT = padOrCrop(kernel_CL, 1, 0, T - kernel_CL.dim(1));
  if (direct) return u_CBT.matmul(toeplitz(kernel_CT));
  const plan = planOf(2 * T);
  const spectrum = complexProduct(
    transform(u_CBT, plan),
    mapComplex(transform(kernel_CT, plan), (part) => part.unsqueeze(1)),
  );
  return inverse(spectrum, plan).slice(2, 0, T);
}

/**
 * A transform of n = rows·columns points in two steps of products with small matrices (Cooley & Tukey 1965; as in Fu et
 * al. 2023, FlashFFTConv): index t = columns·a + b, frequency f = g + rows·h. The spectrum stays in the order [g, h].
 */
interface Plan {
  rows: number;
  columns: number;
}

function planOf(points: number): Plan {
  const exponent = Math.ceil(Math.log2(points));
  const rows = 2 ** Math.floor(exponent / 2);
  return { rows, columns: 2 ** exponent / rows };
}

/** e^(−2πi·row·column/n) as [rows, columns]. */
function waves(rows: number, columns: number, n: number): Complex {
  const part = (f: (angle: number) => number) => {
    const cell = (i: number) => (Math.floor(i / columns) * (i % columns)) % n;
    const values = Array.from({ length: rows * columns }, (_, i) => f((-2 * Math.PI * cell(i)) / n));
    return constant(values, [rows, columns]);
  };
  return { re: part(Math.cos), im: part(Math.sin) };
}

const conjugate = ({ re, im }: Complex): Complex => ({ re, im: im.neg() });

/** [.., T] → [.., rows, columns], filled up with zeros. */
function transform(x: Tensor, { rows, columns }: Plan): Complex {
  const n = rows * columns;
  const grid = x.pad(-1, 0, n - x.dim(-1)).reshape([...x.shape.slice(0, -1), rows, columns]);
  const { re, im } = waves(rows, rows, rows);
  const first = concat(0, [re, im]).matmul(grid);
  const halves = { re: first.slice(-2, 0, rows), im: first.slice(-2, rows) };
  return timesRight(complexProduct(halves, waves(rows, columns, n)), waves(columns, columns, columns));
}

/** The real part of the inverse: [.., rows, columns] → [.., n]. */
function inverse(x: Complex, { rows, columns }: Plan): Tensor {
  const n = rows * columns;
  const second = timesRight(x, conjugate(waves(columns, columns, columns)));
  const turned = complexProduct(second, conjugate(waves(rows, columns, n)));
  const { re, im } = conjugate(waves(rows, rows, rows));
  const real = re.matmul(turned.re, { alpha: 1 / n }).sub(im.matmul(turned.im, { alpha: 1 / n }));
  return real.reshape([...x.re.shape.slice(0, -2), n]);
}

const timesRight = (x: Complex, w: Complex): Complex => ({
  re: x.re.matmul(w.re).sub(x.im.matmul(w.im)),
  im: x.re.matmul(w.im).add(x.im.matmul(w.re)),
});
