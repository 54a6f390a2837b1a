/**
 * Causal convolution with kernels as long as the sequence: y_t = Σ_l k_l u_{t−l} per channel.
 * Axes: C channels, B batch, T time, L taps; columns [C, B, T].
 */
import { constant, type Tensor } from "../tensor/index.ts";
import { complexProduct, mapComplex } from "./complex.ts";
import { type Grid, gridOver, keptColumns, realTransform } from "./fourier-steps.ts";
import { padOrCrop } from "./layout.ts";
import { toeplitz } from "./lti-systems.ts";

/** Up to here a product with the kernel's Toeplitz matrix; beyond, Fourier transforms, which are exact only to rounding. */
const longestDirect = 128;

export function longConv(u_CBT: Tensor, kernel_CL: Tensor, direct = u_CBT.dim(2) <= longestDirect): Tensor {
  const T = u_CBT.dim(2);
  const kernel_CT = padOrCrop(kernel_CL, 1, 0, Math.min(0, T - kernel_CL.dim(1)));
  if (direct) return u_CBT.matmul(toeplitz(padOrCrop(kernel_CT, 1, 0, T - kernel_CT.dim(1))));
  const taps = kernel_CT.dim(1);
  // Room for what a sequence and its kernel reach, so that nothing comes round to the beginning.
  const grid = gridOver(T + taps - 1);
  const filled = (x: Tensor) => x.pad(-1, 0, grid.rows * grid.columns - x.dim(-1));
  const { forward, inverse } = realTransform(grid);
  const share = sharesOf(grid);
  const filter = mapComplex(forward(filled(kernel_CT)), (part) => part.mul(share).unsqueeze(1));
  return inverse(complexProduct(forward(filled(u_CBT)), filter)).slice(2, 0, T);
}

/**
 * What each frequency g + rows·h counts in the inverse, [rows, kept columns]: 1/n at 0 and n/2, 2/n between, for itself and its
 * conjugate, 0 beyond.
 */
function sharesOf(grid: Grid): Tensor {
  const { rows, columns } = grid;
  const kept = keptColumns(grid);
  const n = rows * columns;
  const share = (f: number) => (2 * f > n ? 0 : f === 0 || 2 * f === n ? 1 : 2) / n;
  const values = Float64Array.from({ length: rows * kept }, (_, i) => share(Math.floor(i / kept) + rows * (i % kept)));
  return constant(values, [rows, kept]);
}
