/** Cholesky and QR factors of small matrices (the last two axes), one scan step a column, and what is solved by them. */
import { concat, customGradient, fail, iota, scan, type Tensor, where } from "../tensor/index.ts";
import { identityMatrix, lowerTriangle, solveLower, solveUpper, symmetricOfLower, upperTriangle } from "./linalg.ts";

/**
 * Lower L with x = L·Lᵀ (outer products, Golub & Van Loan, section 4.2.5). Only the lower triangle of x is read; the
 * gradient is symmetric (Murray 2016, eq. 8). NaN where x is not positive definite.
 */
export function cholesky(x: Tensor): Tensor {
  const unit = identityMatrix(x.dim(-1));
  return customGradient([x], {
    forward: ([a]) => choleskyColumns(symmetricOfLower(a!)),
    backward({ y, g }) {
      const inverse = solveLower(y, unit);
      const inner = lowerTriangle(y.matmul(g, { transA: true })).mul(unit.mul(-0.5).add(1));
      const outer = inverse.matmul(inner, { transA: true }).matmul(inverse);
      return [outer.add(outer.swap(-1, -2)).mul(0.5)];
    },
  });
}

function choleskyColumns(x: Tensor): Tensor {
  const rows = iota(x.dim(-1));
  const { ys } = scan({
    init: [x],
    xs: [rows],
    step: ([rest], [k]) => {
      const column = rest!.gather(-1, k!);
      const scaled = column.div(column.gather(-1, k!).unsqueeze(-1).sqrt());
      const l = where(rows.less(k!), 0, scaled);
      return { states: [rest!.sub(l.unsqueeze(-1).mul(l.unsqueeze(-2)))], ys: [l] };
    },
  });
  return firstToLast(ys[0]!);
}

const firstToLast = (x: Tensor): Tensor => x.transpose([...x.shape.map((_, axis) => axis).slice(1), 0]);

/**
 * Reduced factors of a tall matrix [..., m, n], m ≥ n: q with orthonormal columns, r upper triangular, signs as LAPACK's
 * (Householder reflections, so that r's diagonal may be negative). The gradient needs full rank (Walter & Lehmann 2018).
 * Throws E_SHAPE for a wide matrix.
 */
export function qr(x: Tensor): { q: Tensor; r: Tensor } {
  const [m, n] = [x.dim(-2), x.dim(-1)];
  if (m < n) fail({ code: "E_SHAPE", where: "qr", expected: "at least as many rows as columns", got: `${m} × ${n}` });
  const parts = (packed: Tensor) => packed.split(-2, [m, n]) as [Tensor, Tensor];
  const packed = customGradient([x], {
    forward: ([a]) => concat(-2, reflected(a!)),
    backward: ({ y, g }) => [qrGradient(parts(y), parts(g))],
  });
  const [q, r] = parts(packed);
  return { q, r };
}

/** (gQ + Q·S)·R⁻ᵀ, S the symmetric matrix with the lower triangle of R·gRᵀ − gQᵀ·Q. */
function qrGradient([q, r]: readonly [Tensor, Tensor], [gq, gr]: readonly [Tensor, Tensor]): Tensor {
  const mixed = r.matmul(gr, { transB: true }).sub(gq.matmul(q, { transA: true }));
  const onRight = gq.add(q.matmul(symmetricOfLower(mixed)));
  return solveUpper(r, onRight.swap(-1, -2)).swap(-1, -2);
}

/** Reflects [A | I] column by column until A is R; the identity has then become Qᵀ. */
function reflected(a: Tensor): [q: Tensor, r: Tensor] {
  const [m, n] = [a.dim(-2), a.dim(-1)];
  const unit = identityMatrix(m).expand([...a.shape.slice(0, -2), m, m]);
  const { states } = scan({
    init: [concat(-1, [a, unit])],
    xs: [iota(n)],
    step: ([w], [k]) => {
      const { v, scale } = householder(w!.gather(-1, k!), k!);
      const row = v.unsqueeze(-2).matmul(w!).mul(scale.unsqueeze(-1));
      return { states: [w!.sub(v.unsqueeze(-1).mul(row))], ys: [] };
    },
  });
  const rows = states[0]!.slice(-2, 0, n);
  return [rows.slice(-1, n).swap(-1, -2), upperTriangle(rows.slice(-1, 0, n))];
}

/** v and 2/vᵀv of the reflection that takes the entries from k on to one at k; none where those below are 0 already. */
function householder(column: Tensor, k: Tensor): { v: Tensor; scale: Tensor } {
  const rows = iota(column.dim(-1));
  const tail = where(rows.less(k), 0, column);
  const size = tail.abs().max(-1, true);
  // Of entries up to 1, so that squares of small ones do not vanish.
  const unit = tail.div(where(size.equal(0), 1, size));
  const below = where(rows.equal(k), 0, unit);
  const first = unit.gather(-1, k).unsqueeze(-1);
  const norm = below.square().sum(-1, true).add(first.square()).sqrt();
  const v = where(rows.equal(k), first.add(where(first.less(0), norm.neg(), norm)), below);
  const square = v.square().sum(-1, true);
  const flat = below.square().sum(-1, true).equal(0);
  return { v, scale: where(flat, 0, where(flat, 1, square).reciprocal().mul(2)) };
}

/** The y that minimises ‖a·y − b‖, a [..., m, n] tall and of full rank, b [..., m, c]: r⁻¹·qᵀ·b. */
export function leastSquares(a: Tensor, b: Tensor): Tensor {
  const { q, r } = qr(a);
  return solveUpper(r, q.matmul(b, { transA: true }));
}

/** Moore–Penrose inverse of a matrix of full rank, tall or wide. */
export function pseudoInverse(a: Tensor): Tensor {
  if (a.dim(-2) < a.dim(-1)) return pseudoInverse(a.swap(-1, -2)).swap(-1, -2);
  const { q, r } = qr(a);
  return solveUpper(r, q.swap(-1, -2));
}
