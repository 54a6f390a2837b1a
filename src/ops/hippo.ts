/**
 * Matrices by which a state keeps the coefficients of its input's history (Gu et al. 2020, HiPPO), and their normal part
 * plus low rank in its eigenbasis (Gu et al. 2022, S4, theorem 1). Plain numbers, used where parameters start.
 */
import { symmetricEigen } from "./symmetric-eigen.ts";

/** legs: scaled Legendre; legt: translated Legendre, a sliding window; fout: truncated Fourier. */
export const hippoMeasures = ["legs", "legt", "fout"] as const;
export type HippoMeasure = (typeof hippoMeasures)[number];

/** x' = A x + B u, and rows P such that A + Σ Pᵀ P is a multiple of I plus a skew-symmetric matrix. */
export interface Hippo {
  A: number[][];
  B: number[];
  P: number[][];
}

const square = (size: number, f: (n: number, k: number) => number): number[][] =>
  Array.from({ length: size }, (_, n) => Array.from({ length: size }, (_, k) => f(n, k)));
const list = (size: number, f: (n: number) => number): number[] => Array.from({ length: size }, (_, n) => f(n));
const root = (n: number) => Math.sqrt(2 * n + 1);

const makers: Record<HippoMeasure, (size: number) => Hippo> = {
  legs: (size) => ({
    A: square(size, (n, k) => (n > k ? -root(n) * root(k) : n === k ? -(n + 1) : 0)),
    B: list(size, root),
    P: [list(size, (n) => Math.sqrt(n + 0.5))],
  }),
  legt: (size) => ({
    A: square(size, (n, k) => -0.5 * root(n) * root(k) * (k > n ? (-1) ** (n - k) : 1)),
    B: list(size, (n) => 0.5 * root(n)),
    P: [1, 0].map((parity) => list(size, (n) => (n % 2 === parity ? root(n) / Math.SQRT2 : 0))),
  }),
  fout: (size) => {
    const B = list(size, (n) => (n === 0 ? 1 : n % 2 === 0 ? Math.SQRT2 : 0));
    const turning = (n: number) => (n % 2 === 0 ? Math.PI * (n / 2) : 0);
    const rotation = (n: number, k: number) => (k === n + 1 ? -turning(n) : n === k + 1 ? turning(k) : 0);
    return { A: square(size, (n, k) => rotation(n, k) - B[n]! * B[k]!), B, P: [B] };
  },
};

export const hippo = (measure: HippoMeasure, size: number): Hippo => makers[measure](size);

/** One of each pair of conjugate eigenvalues re ± i·im, im ≥ 0 falling, and what P and B are in its eigenvector. */
export interface NormalPlusLowRank {
  /** Real part of every eigenvalue. */
  re: number;
  im: number[];
  /** Complex vectors [N/2] as pairs (real, imaginary) with respect to the eigenvectors of re − i·im. */
  B: [number, number][];
  /** One for every row of P. */
  P: [number, number][][];
  /** Unit eigenvectors of re − i·im. */
  vectors: [number, number][][];
}

/** A + Σ PᵀP = re·I + K with K skew; −K² is symmetric with eigenvalues im², each twice, and K turns such a vector. */
export function normalPlusLowRank({ A, B, P }: Hippo): NormalPlusLowRank {
  const size = A.length;
  const normal = square(size, (n, k) => P.reduce((sum, row) => sum + row[n]! * row[k]!, A[n]![k]!));
  const re = normal.reduce((sum, row, n) => sum + row[n]!, 0) / size;
  const skew = square(size, (n, k) => (normal[n]![k]! - normal[k]![n]!) / 2);
  const { values, vectors } = symmetricEigen(square(size, (n, k) => dot(skew[n]!, skew[k]!)));
  const kept = list(size / 2, (j) => size - 1 - 2 * j);
  const eigenvectors = kept.map((j) =>
    eigenvector(skew, [vectors[j]!, vectors[j - 1]!], Math.sqrt(Math.max(0, values[j]!)), values.at(-1)!),
  );
  const inBasis = (x: readonly number[]) =>
    eigenvectors.map((v): [number, number] => [
      dot(
        v.map(([a]) => a),
        x,
      ),
      -dot(
        v.map(([, b]) => b),
        x,
      ),
    ]);
  return {
    re,
    im: kept.map((j) => Math.sqrt(Math.max(0, values[j]!))),
    B: inBasis(B),
    P: P.map(inBasis),
    vectors: eigenvectors,
  };
}

/** (a + i b)/√2 with K a = ω b, hence K(a + i b) = −iω(a + i b); at ω = 0 any orthogonal pair. */
function eigenvector(
  skew: readonly (readonly number[])[],
  [a, other]: readonly [readonly number[], readonly number[]],
  omega: number,
  largest: number,
): [number, number][] {
  const b = omega * omega < 1e-20 * largest ? other : skew.map((row) => dot(row, a) / omega);
  return a.map((x, n): [number, number] => [x / Math.SQRT2, b[n]! / Math.SQRT2]);
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
