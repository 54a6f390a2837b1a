/** How alike two representations of the same examples are. `x` and `y` are rows, one an example. All throw E_METRIC_INPUT. */
import { assertLength, assertSome, meanOf } from "../classification/labelled.ts";
import type { Rows } from "./frechet.ts";

/** Mean cosine of the angle between the rows; both have the same features. A row of zeros has no direction: NaN. */
export function meanCosine(x: Rows, y: Rows): number {
  assertPaired(x, y);
  return meanOf(x.map((row, i) => cosine(row, y[i]!)));
}

function cosine(a: readonly number[], b: readonly number[]): number {
  assertLength("row", b.length, a.length);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/**
 * Linear centred kernel alignment (Kornblith et al. 2019): |Yᵀ X|² / (|Xᵀ X| |Yᵀ Y|) of centred columns, Frobenius norms; 0 to 1,
 * 1 for the same representation up to rotation and scale. Numbers of features may differ.
 */
export function linearAlignment(x: Rows, y: Rows): number {
  assertPaired(x, y);
  const [k, l] = [centredGram(x), centredGram(y)];
  return inner(k, l) / Math.sqrt(inner(k, k) * inner(l, l));
}

/** Inner products of the rows, with the mean of every column taken out. */
function centredGram(rows: Rows): number[][] {
  const means = rows[0]!.map((_, j) => meanOf(rows.map((row) => row[j]!)));
  const centred = rows.map((row) => row.map((value, j) => value - means[j]!));
  return centred.map((a) => centred.map((b) => dot(a, b)));
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const inner = (a: Rows, b: Rows): number => a.reduce((sum, row, i) => sum + dot(row, b[i]!), 0);

function assertPaired(x: Rows, y: Rows): void {
  assertSome("x", x.length);
  assertLength("y", y.length, x.length);
}
