/** Products, distances and parts of matrices, composed of the vocabulary. */
import { constant, fail, iota, type Tensor, unitLowerInverse, where } from "../tensor/index.ts";
import { vectorNorm } from "./reductions.ts";

/** x·Wᵀ + b over the last axis, w [out, in]. */
export function linear(x: Tensor, w: Tensor, bias?: Tensor): Tensor {
  const y = x.rank === 1 ? x.unsqueeze(0).matmul(w, { transB: true }).squeeze(0) : x.matmul(w, { transB: true });
  return bias ? y.add(bias) : y;
}

/** Matrix product in which a vector on the left is a row and one on the right a column, dropped from the result. */
export function vectorMatmul(a: Tensor, b: Tensor): Tensor {
  const product = (a.rank === 1 ? a.unsqueeze(0) : a).matmul(b.rank === 1 ? b.unsqueeze(1) : b);
  const columns = b.rank === 1 ? product.squeeze(-1) : product;
  return a.rank === 1 ? columns.squeeze(b.rank === 1 ? -1 : -2) : columns;
}

export const outer = (a: Tensor, b: Tensor): Tensor => a.unsqueeze(1).mul(b);

/** Blocks a[i, j]·b. */
export function kronecker(a: Tensor, b: Tensor): Tensor {
  const blocks = a.unsqueeze(1).unsqueeze(3).mul(b.unsqueeze(0).unsqueeze(2));
  return blocks.reshape([a.dim(0) * b.dim(0), a.dim(1) * b.dim(1)]);
}

/** Cross product of 3-vectors along an axis. */
export function cross(a: Tensor, b: Tensor, axis: number): Tensor {
  const turn = (x: Tensor) => x.gather(axis, constant([1, 2, 0], [3], "i32"));
  return turn(a.mul(turn(b)).sub(turn(a).mul(b)));
}

/** p-norms of all differences a[.., i, :] − b[.., j, :]. */
export const pairwiseDistances = (a: Tensor, b: Tensor, p = 2): Tensor =>
  vectorNorm(a.unsqueeze(-2).sub(b.unsqueeze(-3)), p, { axes: -1 });

/** a·b/(max(‖a‖, ε)·max(‖b‖, ε)) along an axis. */
export function cosineSimilarity(a: Tensor, b: Tensor, { axis = -1, epsilon = 1e-8 } = {}): Tensor {
  const size = (x: Tensor) => vectorNorm(x, 2, { axes: axis }).maximum(epsilon);
  return a
    .mul(b)
    .sum(axis)
    .div(size(a).mul(size(b)));
}

/** x/max(‖x‖ₚ, ε) along an axis. */
export const normalize = (x: Tensor, { p = 2, axis = -1, epsilon = 1e-12 } = {}): Tensor =>
  x.div(vectorNorm(x, p, { axes: axis, keep: true }).maximum(epsilon));

/** column − row of every element of the last two axes. */
const offDiagonal = (rows: number, columns: number): Tensor => iota(columns).sub(iota(rows).unsqueeze(1));

export const identityMatrix = (size: number): Tensor => where(offDiagonal(size, size).equal(0), 1, 0);

/** The symmetric matrix with this one's lower triangle. */
export const symmetricOfLower = (x: Tensor): Tensor => lowerTriangle(x).add(lowerTriangle(x, -1).swap(-1, -2));

/** Keeps column ≤ row + diagonal. */
export const lowerTriangle = (x: Tensor, diagonal = 0): Tensor =>
  where(offDiagonal(x.dim(-2), x.dim(-1)).lessEqual(diagonal), x, 0);

/** Keeps column ≥ row + diagonal. */
export const upperTriangle = (x: Tensor, diagonal = 0): Tensor =>
  where(offDiagonal(x.dim(-2), x.dim(-1)).greaterEqual(diagonal), x, 0);

/** The diagonal of two axes as the last axis; a positive offset lies above. */
export function diagonal(x: Tensor, { offset = 0, axes = [0, 1] as readonly [number, number] } = {}): Tensor {
  const [row, column] = axes.map((axis) => x.axis(axis)) as [number, number];
  const rest = x.shape.flatMap((_, axis) => (axis === row || axis === column ? [] : [axis]));
  const [rows, columns] = [x.dim(row), x.dim(column)];
  const first = Math.max(0, offset) + Math.max(0, -offset) * columns;
  const length = Math.max(0, Math.min(rows + Math.min(0, offset), columns - Math.max(0, offset)));
  const flat = x.transpose([...rest, row, column]).reshape([...rest.map((axis) => x.dim(axis)), rows * columns]);
  return flat.gather(
    -1,
    iota(length)
      .mul(columns + 1)
      .add(first),
  );
}

/** The last axis as a diagonal of two new last axes, n + |offset| square. */
export function diagonalMatrix(x: Tensor, offset = 0): Tensor {
  const size = x.dim(-1) + Math.abs(offset);
  const column = x.pad(-1, Math.max(0, offset), Math.max(0, -offset)).unsqueeze(-2);
  return where(offDiagonal(size, size).equal(offset), column, 0);
}

export const trace = (x: Tensor): Tensor => diagonal(x, { axes: [-2, -1] }).sum(-1);

/** n-fold product of a square matrix by repeated squaring. */
export function matrixPower(x: Tensor, n: number): Tensor {
  if (n < 0) fail({ code: "E_RANGE", where: "matrixPower", expected: "n ≥ 0", got: String(n) });
  if (n === 0) return identityMatrix(x.dim(-1)).expand(x.shape);
  const half = matrixPower(x, Math.floor(n / 2));
  return n === 1 ? x : n % 2 === 0 ? half.matmul(half) : half.matmul(half).matmul(x);
}

/** y of L·y = b for a lower triangular L = D(I + N): (I + N)⁻¹·(D⁻¹b); the diagonal is taken as ones where `unit`. */
export function solveLower(a: Tensor, b: Tensor, { unit = false } = {}): Tensor {
  if (unit) return unitLowerInverse(a).matmul(b);
  const scale = diagonal(a, { axes: [-2, -1] }).unsqueeze(-1);
  return unitLowerInverse(a.div(scale)).matmul(b.div(scale));
}

/** Reverses both axes of a matrix, which makes an upper triangle a lower one. */
const turned = (x: Tensor): Tensor => x.flip(-1).flip(-2);

/** y of U·y = b for an upper triangular U. */
export const solveUpper = (a: Tensor, b: Tensor, { unit = false } = {}): Tensor =>
  solveLower(turned(a), b.flip(-2), { unit }).flip(-2);
