/**
 * Products whose results stand as columns [features, tokens] or head by head, so that the convolution and the matrix
 * memory read them without transposition. Axes: H heads, B batch, T time, M tokens B·T, I inner width, K head width.
 */
import { constant, type Tensor } from "../../tensor/index.ts";
import { value, type Weight } from "../weights/use.ts";

/** Wᵀ xᵀ: x [..., inputs] → [outputs, M]. */
export function columns(x: Tensor, w: Weight, b?: Weight): Tensor {
  const y = value(w).matmul(x.reshape([-1, x.dim(-1)]), { transA: true, transB: true });
  return b ? y.add(value(b).unsqueeze(1)) : y;
}

/**
 * A map of columns [I, M] within heads → [H, M, K]. The weight is block-diagonal, [blocks, in, out], with blocks that
 * lie inside a head, or a full matrix [I, I].
 */
export function byHeads(columns_IM: Tensor, w: Weight, { heads, scale = 1, bias }: { heads: number; scale?: number; bias?: Weight | undefined }): Tensor {
  const K = columns_IM.dim(0) / heads;
  const split = (x: Tensor) => x.reshape([heads, K, -1]);
  const matrix = value(w);
  const y = matrix.rank === 2
    ? split(matrix.matmul(columns_IM, { transA: true, alpha: scale })).swap(1, 2)
    : split(columns_IM).matmul(headMatrices(matrix, heads).mul(scale), { transA: true });
  return bias ? y.add(value(bias).mul(scale).reshape([heads, 1, K])) : y;
}

/** [blocks, n, n] → [H, K, K], the blocks of each head on its diagonal. */
function headMatrices(blocks: Tensor, heads: number): Tensor {
  const [count, n] = [blocks.dim(0) / heads, blocks.dim(1)];
  if (count === 1) return blocks;
  const diagonal = constant(Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 1 : 0)), [count, 1, count, 1]);
  return blocks.reshape([heads, count, n, 1, n]).mul(diagonal).reshape([heads, count * n, count * n]);
}
