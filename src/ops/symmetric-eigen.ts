/** Eigenvalues, rising, and unit eigenvectors (as rows) of a real symmetric matrix. */
export interface SymmetricEigen {
  values: number[];
  vectors: number[][];
}

const sweeps = 60;

/** Cyclic Jacobi rotations (Golub & Van Loan, algorithm 8.5.3) until the off-diagonal part is rounding. */
export function symmetricEigen(matrix: readonly (readonly number[])[]): SymmetricEigen {
  const size = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  const scale = Math.hypot(...a.flat());
  for (let sweep = 0; sweep < sweeps && offDiagonal(a) > 1e-30 * scale * scale; sweep++)
    for (let p = 0; p < size - 1; p++) for (let q = p + 1; q < size; q++) rotate(a, v, p, q);
  const order = a.map((_, i) => i).sort((i, j) => a[i]![i]! - a[j]![j]!);
  return { values: order.map((i) => a[i]![i]!), vectors: order.map((i) => v[i]!) };
}

function offDiagonal(a: readonly (readonly number[])[]): number {
  return a.reduce((sum, row, i) => row.reduce((total, x, j) => (i === j ? total : total + x * x), sum), 0);
}

/** Makes a[p][q] zero; rows of v turn along. */
function rotate(a: number[][], v: number[][], p: number, q: number): void {
  if (a[p]![q] === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cos = 1 / Math.hypot(t, 1);
  const sin = t * cos;
  turn(a, { p, q, cos, sin });
  for (const row of a) [row[p], row[q]] = [cos * row[p]! - sin * row[q]!, sin * row[p]! + cos * row[q]!];
  turn(v, { p, q, cos, sin });
}

function turn(rows: number[][], { p, q, cos, sin }: { p: number; q: number; cos: number; sin: number }): void {
  const [first, second] = [rows[p]!, rows[q]!];
  for (let i = 0; i < first.length; i++)
    [first[i], second[i]] = [cos * first[i]! - sin * second[i]!, sin * first[i]! + cos * second[i]!];
}
