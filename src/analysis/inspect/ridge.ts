import { fail } from "../../tensor/index.ts";

/** A linear map with an offset: y = x W + b. */
export interface LinearFit {
  /** [D][M] */
  weights: readonly Float64Array[];
  /** [M] */
  bias: Float64Array;
}

interface Data {
  /** [N·D], row by row. */
  x: ArrayLike<number>;
  /** [N·M] */
  y: ArrayLike<number>;
  D: number;
  M: number;
}

const rowsOf = (values: ArrayLike<number>, width: number): Float64Array[] =>
  Array.from({ length: values.length / width }, (_, n) =>
    Float64Array.from({ length: width }, (_, d) => values[n * width + d]!),
  );

const meanOf = (rows: readonly Float64Array[]): Float64Array =>
  rows[0]!.map((_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length);

/** Ridge regression: least sum of squared errors + penalty · ‖W‖², the offset free (Hoerl & Kennard 1970). Throws E_PROBE. */
export function ridge({ x, y, D, M }: Data, penalty: number): LinearFit {
  if (!(penalty > 0)) fail({ code: "E_PROBE", where: "ridge penalty", expected: "more than 0", got: String(penalty) });
  const [inputs, outputs] = [rowsOf(x, D), rowsOf(y, M)];
  const [xMean, yMean] = [meanOf(inputs), meanOf(outputs)];
  const gram = Array.from({ length: D }, (_, i) => new Float64Array(D).fill(0).map((_, j) => (i === j ? penalty : 0)));
  const right = Array.from({ length: D }, () => new Float64Array(M));
  for (const [n, row] of inputs.entries())
    for (let i = 0; i < D; i++) {
      const centred = row[i]! - xMean[i]!;
      for (let j = 0; j < D; j++) gram[i]![j]! += centred * (row[j]! - xMean[j]!);
      for (let m = 0; m < M; m++) right[i]![m]! += centred * (outputs[n]![m]! - yMean[m]!);
    }
  const weights = solvePositive(gram, right);
  const bias = yMean.map((mean, m) => mean - weights.reduce((sum, row, i) => sum + row[m]! * xMean[i]!, 0));
  return { weights, bias };
}

/** A⁻¹B for a symmetric positive definite A, by Gaussian elimination, which needs no pivots there. Overwrites both. */
function solvePositive(a: readonly Float64Array[], b: readonly Float64Array[]): readonly Float64Array[] {
  const size = a.length;
  const subtract = (rows: readonly Float64Array[], to: number, from: number, factor: number) => {
    const source = rows[from]!;
    for (const [j, value] of source.entries()) rows[to]![j]! -= factor * value;
  };
  for (let i = 0; i < size; i++)
    for (let k = i + 1; k < size; k++) {
      const factor = a[k]![i]! / a[i]![i]!;
      if (factor === 0) continue;
      subtract(a, k, i, factor);
      subtract(b, k, i, factor);
    }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) subtract(b, i, k, a[i]![k]!);
    const pivot = a[i]![i]!;
    for (const [m, value] of b[i]!.entries()) b[i]![m] = value / pivot;
  }
  return b;
}

/** Of each row of x [N·D], where x W + b is greatest. */
export function classesOf(x: ArrayLike<number>, { weights, bias }: LinearFit): number[] {
  return rowsOf(x, weights.length).map((row) => {
    const scores = bias.map((offset, m) => offset + weights.reduce((sum, own, d) => sum + row[d]! * own[m]!, 0));
    return scores.indexOf(scores.reduce((most, score) => Math.max(most, score)));
  });
}
