import { iota, type Tensor, where } from "../tensor/index.ts";

/**
 * Each vector [..., D] replaced by the nearest row of a table [C, D], the first of equals: a discrete bottleneck. Its gradient is
 * that of the mixture of rows by softmax of −‖x − row‖²/2 (straight through), for x and the table.
 */
export function nearestRow(x: Tensor, table_CD: Tensor): Tensor {
  const halves_C = table_CD.square().sum(-1).div(2);
  const scores = x.matmul(table_CD, { transB: true }).sub(halves_C);
  const nearest = scores.stopGradient().topk(-1, 1).indices;
  const chosen = where(nearest.equal(iota(table_CD.dim(0))), 1, 0);
  const soft = scores.softmax(-1);
  // The difference is 0 in value, so that rows keep their bits.
  return chosen.add(soft.sub(soft.stopGradient())).matmul(table_CD);
}
