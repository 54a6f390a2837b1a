/**
 * How far apart two sets of feature vectors lie. `x` and `y` are rows of equally many features: of an encoder for the usual
 * image figures (FID, KID), or of anything else. All throw E_METRIC_INPUT.
 */
import { fail } from "../../../tensor/error.ts";
import { assertLength, meanOf } from "../classification/labelled.ts";
import { symmetricEigen } from "./symmetric-eigen.ts";

export type Rows = readonly (readonly number[])[];

/** A Gaussian: mean [D] and covariance [D][D]. */
export interface Gaussian {
  mean: readonly number[];
  covariance: Rows;
}

/** Of the rows; the covariance divides by n − 1. */
export function gaussianOf(rows: Rows): Gaussian {
  if (rows.length < 2)
    fail({ code: "E_METRIC_INPUT", where: "rows", expected: "at least two", got: String(rows.length) });
  const width = rows[0]!.length;
  for (const [i, row] of rows.entries()) assertLength(`rows[${i}]`, row.length, width);
  const mean = Array.from({ length: width }, (_, j) => meanOf(rows.map((row) => row[j]!)));
  const centred = rows.map((row) => row.map((value, j) => value - mean[j]!));
  const covariance = mean.map((_, i) =>
    mean.map((_, j) => centred.reduce((sum, row) => sum + row[i]! * row[j]!, 0) / (rows.length - 1)),
  );
  return { mean, covariance };
}

/** |μx − μy|² + tr(Σx + Σy − 2 (Σx Σy)^½) (Fréchet 1957; Heusel et al. 2017): 0 for equal Gaussians. */
export function gaussianDistance(x: Gaussian, y: Gaussian): number {
  assertLength("y.mean", y.mean.length, x.mean.length);
  const shift = x.mean.reduce((sum, m, i) => sum + (m - y.mean[i]!) ** 2, 0);
  const root = squareRoot(x.covariance);
  // (Σx Σy)^½ has the eigenvalues of (Σx^½ Σy Σx^½)^½, which is symmetric.
  const middle = symmetricEigen(symmetric(product(product(root, y.covariance), root)));
  const cross = middle.values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  return shift + trace(x.covariance) + trace(y.covariance) - 2 * cross;
}

/** FID over given features: the distance of the Gaussians of two sets of rows. */
export const frechetDistance = (x: Rows, y: Rows): number => gaussianDistance(gaussianOf(x), gaussianOf(y));

/** KID over given features (Bińkowski et al. 2018): the unbiased squared MMD under the kernel (x·y / D + 1)³. */
export function kernelDistance(x: Rows, y: Rows): number {
  const kernel = (a: readonly number[], b: readonly number[]) => (dot(a, b) / a.length + 1) ** 3;
  const within = (rows: Rows) =>
    rows.reduce((sum, a, i) => sum + rows.reduce((part, b, j) => part + (i === j ? 0 : kernel(a, b)), 0), 0) /
    (rows.length * (rows.length - 1));
  const between = meanOf(x.flatMap((a) => y.map((b) => kernel(a, b))));
  return within(x) + within(y) - 2 * between;
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const trace = (matrix: Rows): number => matrix.reduce((sum, row, i) => sum + row[i]!, 0);
const transposed = (matrix: Rows): number[][] => matrix[0]!.map((_, j) => matrix.map((row) => row[j]!));

function product(a: Rows, b: Rows): number[][] {
  const columns = transposed(b);
  return a.map((row) => columns.map((column) => dot(row, column)));
}

const symmetric = (matrix: Rows): number[][] =>
  matrix.map((row, i) => row.map((value, j) => (value + matrix[j]![i]!) / 2));

/** Of a positive semidefinite matrix; what rounding made negative counts as 0. */
function squareRoot(matrix: Rows): number[][] {
  const { values, vectors } = symmetricEigen(matrix);
  const scaled = vectors.map((row, k) => row.map((value) => value * Math.sqrt(Math.max(0, values[k]!))));
  return product(transposed(vectors), scaled);
}
