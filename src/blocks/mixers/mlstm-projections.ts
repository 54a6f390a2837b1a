/**
 * Products whose results stand as columns [features, B, T] or head by head, so that the convolution and the matrix memory
 * read them without transposition. Axes: H heads, B batch, T time, I inner width, K head width.
 */
import { toColumns } from "../../ops/index.ts";
import { constant, type Tensor } from "../../tensor/index.ts";
import { value, type Weight } from "../weights/use.ts";

/** x [B, T, D] · W [D, I] (+ b) as columns [I, B, T]. */
export function columns(x_BTD: Tensor, w: Weight, b?: Weight): Tensor {
  const y_IBT = toColumns(x_BTD, value(w));
  return b ? y_IBT.add(value(b).reshape([-1, 1, 1])) : y_IBT;
}

/**
 * A map of columns [I, B, T] within heads → [H, B, T, K]. The weight is block-diagonal, [blocks, in, out], with blocks
 * that lie inside a head, or a full matrix [I, I].
 */
export function byHeads(
  x_IBT: Tensor,
  w: Weight,
  { heads, scale = 1, bias }: { heads: number; scale?: number; bias?: Weight | undefined },
): Tensor {
  const [I, B, T] = x_IBT.shape as [number, number, number];
  const K = I / heads;
  const matrix = value(w);
  const split = (x: Tensor) => x.reshape([heads, K, B * T]);
  const y =
    matrix.rank === 2
      ? split(matrix.matmul(x_IBT.reshape([I, B * T]), { transA: true, alpha: scale })).swap(1, 2)
      : split(x_IBT).matmul(headMatrices(matrix, heads).mul(scale), { transA: true });
  const shifted = bias ? y.add(value(bias).mul(scale).reshape([heads, 1, K])) : y;
  return shifted.reshape([heads, B, T, K]);
}

/** [blocks, n, n] → [H, K, K], the blocks of each head on its diagonal. */
function headMatrices(blocks: Tensor, heads: number): Tensor {
  const [count, n] = [blocks.dim(0) / heads, blocks.dim(1)];
  if (count === 1) return blocks;
  const diagonal = constant(
    Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 1 : 0)),
    [count, 1, count, 1],
  );
  return blocks
    .reshape([heads, count, n, 1, n])
    .mul(diagonal)
    .reshape([heads, count * n, count * n]);
}
