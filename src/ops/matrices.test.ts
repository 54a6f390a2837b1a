import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runReference } from "../engine/index.ts";
import { constant, input, type Tensor } from "../tensor/index.ts";
import { singularValues, symmetricEigenvectors } from "./eigenvalues.ts";
import { cholesky, leastSquares, pseudoInverse, qr } from "./factorisations.ts";
import { identityMatrix } from "./linalg.ts";
import { matrixExponential } from "./matrix-exponential.ts";
import { determinant, inverse, signAndLogDeterminant, solve } from "./solve.ts";

const entries = (count: number) =>
  fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: count, maxLength: count });

/** Every entry of a tensor that should be zero, for matrices of these sizes. */
function holds(sizes: readonly [rows: number, columns: number][], residual: (x: Tensor) => Tensor): void {
  for (const [rows, columns] of sizes) {
    const program = residual(input("x", [2, rows, columns]));
    const property = fc.property(entries(2 * rows * columns), (x) =>
      runReference([program], { x })[0]!.every((value) => Math.abs(value) < 1e-7),
    );
    fc.assert(property, { numRuns: 15, seed: 1 });
  }
}

const squares: [number, number][] = [
  [1, 1],
  [2, 2],
  [3, 3],
  [5, 5],
  [8, 8],
];
const tall: [number, number][] = [
  [1, 1],
  [3, 3],
  [4, 1],
  [6, 4],
];
/** Symmetric, eigenvalues 1 and more. */
const definite = (x: Tensor) => x.matmul(x, { transB: true }).add(identityMatrix(x.dim(-2)));
const read = (t: Tensor, x: readonly number[] = []) => [...runReference([t], { x })[0]!];

describe("factors give the matrix back", () => {
  test("L·Lᵀ", () => {
    holds(squares, (x) => {
      const l = cholesky(definite(x));
      return l.matmul(l, { transB: true }).sub(definite(x));
    });
  });

  test("Q·R, and Qᵀ·Q = I", () => {
    holds([...squares, ...tall], (x) => qr(x).q.matmul(qr(x).r).sub(x));
    holds(tall, (x) => {
      const { q } = qr(x);
      return q.matmul(q, { transA: true }).sub(identityMatrix(x.dim(-1)));
    });
  });

  test("V·Λ·Vᵀ, and eigenvalues rise", () => {
    holds(squares, (x) => {
      const { values, vectors } = symmetricEigenvectors(definite(x));
      return vectors.mul(values.unsqueeze(-2)).matmul(vectors, { transB: true }).sub(definite(x));
    });
    holds(squares, (x) => {
      const { values } = symmetricEigenvectors(definite(x));
      return values
        .slice(-1, 1)
        .sub(values.slice(-1, 0, -1))
        .minimum(0);
    });
  });

  test("a·a⁻¹, solutions from both sides, determinants", () => {
    const unit = (x: Tensor) => identityMatrix(x.dim(-1));
    holds(squares, (x) =>
      definite(x)
        .matmul(inverse(definite(x)))
        .sub(unit(x)),
    );
    holds(squares, (x) =>
      definite(x)
        .matmul(solve(definite(x), x))
        .sub(x),
    );
    holds(squares, (x) => solve(definite(x), x, { left: false }).matmul(definite(x)).sub(x));
    holds(squares, (x) => {
      const logValues = symmetricEigenvectors(definite(x)).values.log().sum(-1);
      return signAndLogDeterminant(definite(x)).logSize.sub(logValues);
    });
  });

  test("pseudo-inverse: a·a⁺·a = a, tall and wide; least squares leave a residual orthogonal to a", () => {
    const full = (x: Tensor) => x.mul(0.1).add(identityMatrix(6).slice(0, 0, x.dim(-2)).slice(1, 0, x.dim(-1)));
    holds(tall, (x) =>
      full(x)
        .matmul(pseudoInverse(full(x)))
        .matmul(full(x))
        .sub(full(x)),
    );
    holds([[2, 5]], (x) =>
      full(x)
        .matmul(pseudoInverse(full(x)))
        .matmul(full(x))
        .sub(full(x)),
    );
    holds(tall, (x) => {
      const residual = full(x)
        .matmul(leastSquares(full(x), x))
        .sub(x);
      return full(x).matmul(residual, { transA: true });
    });
  });

  test("e^x·e^−x = I", () => {
    holds(squares, (x) =>
      matrixExponential(x.mul(0.3))
        .matmul(matrixExponential(x.mul(-0.3)))
        .sub(identityMatrix(x.dim(-1)))
        .mul(1e-3),
    );
  });
});

test("singular values of a rotation are 1, those of a diagonal its entries by size", () => {
  expect(read(singularValues(constant([0.6, -0.8, 0.8, 0.6], [2, 2])))).toEqual([expect.closeTo(1), expect.closeTo(1)]);
  const found = read(singularValues(constant([3, 0, 0, 0, -5, 0], [2, 3])));
  expect(found).toEqual([expect.closeTo(5), expect.closeTo(3)]);
});

test("a singular matrix has determinant 0, of log −∞, and no inverse", () => {
  const a = constant([1, 2, 2, 4], [2, 2]);
  const { sign, logSize } = signAndLogDeterminant(a);
  expect(
    runReference([determinant(a), sign, logSize, inverse(a)], {}).map((list) => [...list].map((value) => value + 0)),
  ).toEqual([[0], [0], [Number.NEGATIVE_INFINITY], [Number.NaN, Number.NaN, Number.NaN, Number.NaN]]);
});

test("what a factor cannot be taken of: NaN where the matrix is indefinite, an error where it is wide", () => {
  expect(read(cholesky(constant([1, 2, 2, 1], [2, 2]))).some(Number.isNaN)).toBe(true);
  expect(() => qr(input("x", [2, 3]))).toThrow(/qr: expected at least as many rows as columns, got 2 × 3/);
});

test("equal eigenvalues have a gradient", () => {
  expect(read(symmetricEigenvectors(identityMatrix(3)).values)).toEqual([1, 1, 1]);
});
