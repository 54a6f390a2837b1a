/** Equations with small dense matrices (the last two axes), by elimination inside the graph: one scan step a column. */
import {
  broadcastShapes,
  concat,
  customGradient,
  iota,
  ones,
  scan,
  type Tensor,
  where,
  zeros,
} from "../tensor/index.ts";
import { identityMatrix } from "./linalg.ts";

interface Eliminated {
  /** A⁻¹·B; NaN where A is singular. */
  solution: Tensor;
  /** Of the determinant: −1, 0 or 1. */
  sign: Tensor;
  /** log |det A|. */
  logSize: Tensor;
}

/** Gauss–Jordan elimination of [A | B] with partial pivoting (Golub & Van Loan, section 3.4). */
function eliminate(a: Tensor, b: Tensor): Eliminated {
  const lead = a.shape.slice(0, -2);
  const { states } = scan({
    init: [concat(-1, [a, b]), ones(lead), zeros(lead)],
    xs: [iota(a.dim(-1))],
    step: ([m, sign, logSize], [k]) => {
      const { next, pivot, swapped } = clearColumn(m!, k!);
      const signed = sign!.mul(pivot.sign()).mul(where(swapped, -1, 1));
      return { states: [next, signed, logSize!.add(pivot.abs().log())], ys: [] };
    },
  });
  const [m, sign, logSize] = states as [Tensor, Tensor, Tensor];
  const singular = sign.equal(0).unsqueeze(-1).unsqueeze(-1);
  return { solution: where(singular, Number.NaN, m.slice(-1, a.dim(-1))), sign, logSize };
}

/** Makes column k that of the identity: its greatest entry not yet used becomes the pivot; a pivot of 0 divides by 1. */
function clearColumn(m: Tensor, k: Tensor): { next: Tensor; pivot: Tensor; swapped: Tensor } {
  const rows = iota(m.dim(-2));
  const place = where(rows.less(k), -1, m.gather(-1, k).abs()).argmax(-1);
  const isPivot = rows.equal(place.unsqueeze(-1)).unsqueeze(-1);
  const isCurrent = rows.equal(k).unsqueeze(-1);
  const row = (mask: Tensor) => where(mask, m, 0).sum(-2, true);
  const pivotRow = row(isPivot);
  const pivot = pivotRow.gather(-1, k);
  const scaled = pivotRow.div(where(pivot.equal(0), 1, pivot).unsqueeze(-1));
  const exchanged = where(isPivot, row(isCurrent), m);
  const cleared = exchanged.sub(exchanged.gather(-1, k).unsqueeze(-1).mul(scaled));
  return { next: where(isCurrent, scaled, cleared), pivot: pivot.squeeze(-1), swapped: place.equal(k).not() };
}

/**
 * y of a·y = b, or of y·a = b where not `left`: a [..., n, n], b of matrices [..., n, c] (or [..., c, n]); leading axes
 * broadcast. NaN where a is singular. Gradients: db = a⁻ᵀ·g, da = −db·yᵀ.
 */
export function solve(a: Tensor, b: Tensor, { left = true } = {}): Tensor {
  if (!left) return solve(a.swap(-1, -2), b.swap(-1, -2)).swap(-1, -2);
  const lead = broadcastShapes("solve", a.shape.slice(0, -2), b.shape.slice(0, -2));
  const inputs = [a, b].map((t) => t.expand([...lead, ...t.shape.slice(-2)]));
  return customGradient(inputs, {
    forward: ([a, b]) => eliminate(a!, b!).solution,
    backward({ inputs: [a], y, g }) {
      const db = solve(a!.swap(-1, -2), g);
      return [db.matmul(y, { transB: true, alpha: -1 }), db];
    },
  });
}

/** a⁻¹ over the last two axes; NaN where singular. */
export const inverse = (a: Tensor): Tensor => solve(a, identityMatrix(a.dim(-1)));

/** Sign of the determinant (no gradient) and log of its size, −∞ where singular; the latter's gradient is a⁻ᵀ. */
export function signAndLogDeterminant(a: Tensor): { sign: Tensor; logSize: Tensor } {
  const logSize = customGradient([a], {
    forward: ([x]) => eliminate(x!, x!).logSize,
    backward: ({ inputs: [x], g }) => [scaled(inverse(x!).swap(-1, -2), g)],
  });
  return { sign: eliminate(a, a).sign.stopGradient(), logSize };
}

/** Determinant of the last two axes; its gradient det·a⁻ᵀ is NaN where a is singular. */
export const determinant = (a: Tensor): Tensor =>
  customGradient([a], {
    forward([x]) {
      const { sign, logSize } = eliminate(x!, x!);
      return sign.mul(logSize.exp());
    },
    backward: ({ inputs: [x], y, g }) => [scaled(inverse(x!).swap(-1, -2), g.mul(y))],
  });

/** Each matrix by its own number. */
const scaled = (x: Tensor, factor: Tensor): Tensor => x.mul(factor.unsqueeze(-1).unsqueeze(-1));
