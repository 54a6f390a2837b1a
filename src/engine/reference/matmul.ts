import type { Node } from "../../tensor/index.ts";
import type { Kernel } from "./kernel.ts";
import { broadcastStrides, planWalk } from "./walk.ts";

interface Product {
  m: number;
  n: number;
  k: number;
  transA: boolean;
}

/** Every element sums its k terms in order, whatever is transposed, so the same product always has the same bits. */
export function matmulKernel({
  inputs: [a, b],
  outputs: [y],
  attrs: { transA, transB, alpha },
}: Node<"matmul">): Kernel {
  const [m, n] = [y!.dim(-2), y!.dim(-1)];
  const k = a!.dim(transA ? -2 : -1);
  const batch = y!.shape.slice(0, -2);
  const scaled = (shape: readonly number[], size: number) =>
    broadcastStrides(shape.slice(0, -2), batch).map((s) => s * size);
  const walk = planWalk(batch, [scaled(a!.shape, m * k), scaled(b!.shape, k * n)]);
  const multiply = transB ? rowsByRows : rowsByColumns;
  return ([dataA, dataB]) => {
    const out = new Float64Array(y!.size);
    let at = 0;
    walk.each(([startA, startB]) => {
      for (let i = 0; i < walk.length; i++, at += m * n) {
        const [fromA, fromB] = [startA! + i * walk.steps[0]!, startB! + i * walk.steps[1]!];
        multiply(
          dataA!.subarray(fromA, fromA + m * k),
          dataB!.subarray(fromB, fromB + k * n),
          out.subarray(at, at + m * n),
          { m, n, k, transA },
        );
      }
    });
    if (alpha !== 1) for (let i = 0; i < out.length; i++) out[i]! *= alpha;
    return [out];
  };
}

/** b is [k, n]: rows of b are added to rows of the output, four at a time. */
function rowsByColumns(a: Float64Array, b: Float64Array, out: Float64Array, { m, n, k, transA }: Product): void {
  const [rowStep, step] = transA ? [1, m] : [k, 1];
  for (let i = 0; i < m; i++) {
    const row = i * n;
    let p = 0;
    for (; p + 4 <= k; p += 4) {
      const from = i * rowStep + p * step;
      const [a0, a1, a2, a3] = [a[from]!, a[from + step]!, a[from + 2 * step]!, a[from + 3 * step]!];
      const [b0, b1, b2, b3] = [p * n, (p + 1) * n, (p + 2) * n, (p + 3) * n];
      for (let j = 0; j < n; j++)
        out[row + j] = out[row + j]! + a0 * b[b0 + j]! + a1 * b[b1 + j]! + a2 * b[b2 + j]! + a3 * b[b3 + j]!;
    }
    for (; p < k; p++) {
      const factor = a[i * rowStep + p * step]!;
      for (let j = 0; j < n; j++) out[row + j]! += factor * b[p * n + j]!;
    }
  }
}

/** b is [n, k]: dot products of rows. */
function rowsByRows(a: Float64Array, b: Float64Array, out: Float64Array, { m, n, k, transA }: Product): void {
  const [rowStep, step] = transA ? [1, m] : [k, 1];
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0, from = i * rowStep, to = j * k; p < k; p++, from += step, to++) sum += a[from]! * b[to]!;
      out[i * n + j] = sum;
    }
}
