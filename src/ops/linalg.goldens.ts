import type { GoldenCase } from "../testing/goldens/golden-case.ts";
import { binary, opAdapters, unary } from "../testing/goldens/op-adapters.ts";
import { causalMask, scaledDotProduct } from "./attention.ts";
import { singularValues, symmetricEigenvalues } from "./eigenvalues.ts";
import { einsum } from "./einsum.ts";
import { cholesky, leastSquares, pseudoInverse, qr } from "./factorisations.ts";
import * as linalg from "./linalg.ts";
import { matrixExponential } from "./matrix-exponential.ts";
import { determinant, inverse, signAndLogDeterminant, solve } from "./solve.ts";

const norm = (c: GoldenCase) => (c.config.p === "inf" ? Number.POSITIVE_INFINITY : c.number("p"));

export const adapters = opAdapters({
  linear: unary((x, c) => linalg.linear(x, c.tensor("param.weight"), c.maybe("param.bias"))),
  matmul: binary(linalg.vectorMatmul),
  bilinear: binary((a, b, c) =>
    einsum("...i,oij,...j->...o", a, c.tensor("param.weight"), b).add(c.tensor("param.bias")),
  ),
  einsum: (c) => einsum(c.text("equation"), ...c.names("in.").map((name) => c.tensor(name))),
  outer: binary(linalg.outer),
  kron: binary(linalg.kronecker),
  cross: binary((a, b, c) => linalg.cross(a, b, c.number("axis"))),
  cdist: binary((a, b, c) => linalg.pairwiseDistances(a, b, norm(c))),
  cosine_similarity: binary((a, b, c) =>
    linalg.cosineSimilarity(a, b, { axis: c.number("axis"), epsilon: c.number("eps") }),
  ),
  normalize: unary((x, c) =>
    linalg.normalize(x, { p: c.number("p"), axis: c.number("axis"), epsilon: c.number("eps") }),
  ),
  tril: unary((x, c) => linalg.lowerTriangle(x, c.number("diagonal"))),
  triu: unary((x, c) => linalg.upperTriangle(x, c.number("diagonal"))),
  diagonal: unary((x, c) =>
    linalg.diagonal(x, { offset: c.number("offset"), axes: [c.number("axis1"), c.number("axis2")] }),
  ),
  diag_embed: unary((x, c) => linalg.diagonalMatrix(x, c.number("offset"))),
  trace: unary(linalg.trace),
  matrix_power: unary((x, c) => linalg.matrixPower(x, c.number("n"))),
  solve_triangular: binary((a, b, c) =>
    (c.flag("upper") ? linalg.solveUpper : linalg.solveLower)(a, b, { unit: c.flag("unitriangular") }),
  ),
  sdpa: (c) =>
    scaledDotProduct(
      { q: c.tensor("in.q"), k: c.tensor("in.k"), v: c.tensor("in.v") },
      {
        ...("scale" in c.config && { scale: c.number("scale") }),
        bias: c.maybe("in.bias"),
        mask: c.has("in.mask")
          ? c.mask("in.mask")
          : c.flag("causal")
            ? causalMask(c.tensor("in.q").dim(2), c.tensor("in.k").dim(2))
            : undefined,
      },
    ),
  cholesky: unary(cholesky),
  det: unary(determinant),
  eigvalsh: unary(symmetricEigenvalues),
  inverse: unary(inverse),
  lstsq: binary(leastSquares),
  pinv: unary(pseudoInverse),
  qr: unary((x) => ({ ...qr(x) })),
  slogdet: unary((x) => {
    const { sign, logSize } = signAndLogDeterminant(x);
    return { sign, logabsdet: logSize };
  }),
  solve: binary((a, b, c) => solve(a, b, { left: c.flag("left") })),
  svdvals: unary(singularValues),
  matrix_exp: unary(matrixExponential),
});
