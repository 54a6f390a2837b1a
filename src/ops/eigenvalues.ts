/** Eigenvalues of small symmetric matrices (the last two axes) inside the graph, by Jacobi's rotations. */
import { concat, constant, customGradient, iota, scan, type Tensor, where } from "../tensor/index.ts";
import { diagonal, identityMatrix, symmetricOfLower } from "./linalg.ts";
import { safeSqrt } from "./reductions.ts";

/** Every pair meets once a sweep; convergence is quadratic, and ten leave rounding only. */
const sweeps = 10;

interface Eigen {
  values: Tensor;
  vectors: Tensor;
}

/**
 * Eigenvalues, rising, and the eigenvectors as columns. Only the lower triangle is read; the gradient is symmetric:
 * V·(diag gλ + F∘Vᵀ·gV)·Vᵀ, F[i, j] = 1/(λ[j] − λ[i]), with 0 for equal eigenvalues, whose vectors have no derivative.
 */
export function symmetricEigenvectors(x: Tensor): Eigen {
  const packed = customGradient([x], {
    forward: ([a]) => packedEigen(symmetricOfLower(a!)),
    backward: ({ y, g }) => [eigenGradient(unpacked(y), unpacked(g))],
  });
  return unpacked(packed);
}

/** Eigenvalues of a symmetric matrix, rising; see {@link symmetricEigenvectors}. */
export const symmetricEigenvalues = (x: Tensor): Tensor => symmetricEigenvectors(x).values;

/** Singular values, falling: roots of the eigenvalues of the smaller Gram matrix, so that those below √ε of the largest are rounding. */
export function singularValues(x: Tensor): Tensor {
  const tall = x.dim(-2) >= x.dim(-1);
  const gram = x.matmul(x, tall ? { transA: true } : { transB: true });
  return safeSqrt(symmetricEigenvalues(gram).relu()).flip(-1);
}

/** Values as the first row, vectors below. */
const unpacked = (y: Tensor): Eigen => ({ values: y.at(-2, 0), vectors: y.slice(-2, 1) });

function eigenGradient({ values, vectors }: Eigen, g: Eigen): Tensor {
  const gap = values.unsqueeze(-2).sub(values.unsqueeze(-1));
  const apart = where(gap.equal(0), 0, where(gap.equal(0), 1, gap).reciprocal());
  const inner = vectors.matmul(g.vectors, { transA: true }).mul(apart);
  const full = inner.add(identityMatrix(vectors.dim(-1)).mul(g.values.unsqueeze(-2)));
  const s = vectors.matmul(full).matmul(vectors, { transB: true });
  return s.add(s.swap(-1, -2)).mul(0.5);
}

function packedEigen(x: Tensor): Tensor {
  const size = x.dim(-1);
  const { states } = scan({
    init: [x, identityMatrix(size).expand(x.shape)],
    xs: [meetings(size)],
    step: ([a, v], [partner]) => {
      const turn = rotation(a!, partner!);
      return { states: [turn.matmul(a!, { transA: true }).matmul(turn), v!.matmul(turn)], ys: [] };
    },
  });
  const [a, v] = states as [Tensor, Tensor];
  const { values, indices } = diagonal(a, { axes: [-2, -1] }).topk(-1, size, { largest: false });
  return concat(-2, [values.unsqueeze(-2), v.gatherElements(-1, indices.unsqueeze(-2).expand(v.shape))]);
}

/** Who meets whom in each step [steps, n], −1 for nobody: a round robin in which disjoint pairs turn together. */
function meetings(size: number): Tensor {
  const even = size + (size % 2);
  const rounds = Array.from({ length: even - 1 }, (_, round) =>
    Array.from({ length: size }, (_, i) => opponent(i, round, even - 1)).map((other) => (other < size ? other : -1)),
  );
  const all = Array.from({ length: sweeps }, () => rounds).flat();
  return constant(all.flat(), [all.length, size], "i32");
}

/** The circle method: the last player stays, the others on the ring pair up around `round`. */
function opponent(i: number, round: number, ring: number): number {
  if (i === ring) return round;
  return i === round ? ring : (2 * round - i + ring) % ring;
}

/** Orthogonal matrix that makes a[i, partner[i]] zero for all pairs at once (Golub & Van Loan, section 8.5.2). */
function rotation(a: Tensor, partner: Tensor): Tensor {
  const size = a.dim(-1);
  const meets = partner.unsqueeze(1).equal(iota(size));
  const own = diagonal(a, { axes: [-2, -1] });
  const other = where(meets, own.unsqueeze(-2), 0).sum(-1);
  // Both of a pair must turn by the same angle, so that rounding on one side of the diagonal counts for both.
  const joint = where(meets, a.add(a.swap(-1, -2)).mul(0.5), 0).sum(-1);
  const still = joint.equal(0);
  const ratio = other.sub(own).div(where(still, 1, joint).mul(2));
  const side = where(ratio.equal(0), where(iota(size).less(partner), 1, -1), ratio.sign());
  const t = where(still, 0, side.div(ratio.abs().add(ratio.square().add(1).sqrt())));
  const cos = t.square().add(1).sqrt().reciprocal();
  const sin = t.mul(cos).neg().unsqueeze(-2);
  return where(meets, sin, 0).add(identityMatrix(size).mul(cos.unsqueeze(-2)));
}
