/** Eigenvalues and eigenvectors of a real symmetric matrix by Jacobi's rotations. */
export interface SymmetricEigen {
  values: number[];
  /** Row k belongs to value k; unit length. */
  vectors: number[][];
}

/** Rotates until what stands off the diagonal is below rounding. `matrix` is [n][n]; only symmetric ones have an answer. */
export function symmetricEigen(matrix: readonly (readonly number[])[]): SymmetricEigen {
  const a = matrix.map((row) => [...row]);
  const vectors = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  const scale = Math.hypot(...a.flat());
  for (let sweep = 0; sweep < 60 && off(a) > 1e-15 * scale; sweep++) {
    for (let p = 0; p < a.length; p++) for (let q = p + 1; q < a.length; q++) rotate(a, vectors, { p, q });
  }
  return { values: a.map((row, i) => row[i]!), vectors };
}

const off = (a: readonly (readonly number[])[]): number =>
  Math.sqrt(a.reduce((sum, row, i) => sum + row.reduce((part, x, j) => part + (i === j ? 0 : x * x), 0), 0));

/** Makes a[p][q] zero (Golub and Van Loan, 8.5). */
function rotate(a: number[][], vectors: number[][], { p, q }: { p: number; q: number }): void {
  if (a[p]![q] === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const row of a) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
  for (const rows of [a, vectors]) {
    const [x, y] = [rows[p]!, rows[q]!];
    rows[p] = x.map((value, k) => c * value - s * y[k]!);
    rows[q] = x.map((value, k) => s * value + c * y[k]!);
  }
}
