/** Gradient rules of matrix products and of the triangular inverse. */
import { iota, type OpAttrs, sizeOf, type Tensor, where } from "../tensor/index.ts";
import { unbroadcast } from "./elementwise.ts";
import type { Pullback } from "./rule.ts";

export function matmulGrad({
  inputs: [a, b],
  attrs: { transA, transB, alpha },
  g,
  needs,
}: Pullback<"matmul">): (Tensor | undefined)[] {
  const da = () =>
    transA ? b!.matmul(g, { transA: transB, transB: true, alpha }) : g.matmul(b!, { transB: !transB, alpha });
  const db = () => weightGrad(a!, b!, g, { transA, transB, alpha });
  return [needs[0] ? unbroadcast(da(), a!.shape) : undefined, needs[1] ? db() : undefined];
}

/** For a matrix shared by the batch, one product over all rows at once instead of a batch of products that is then summed. */
function weightGrad(a: Tensor, b: Tensor, g: Tensor, { transA, transB, alpha }: OpAttrs["matmul"]): Tensor {
  const shared = b.rank === 2 && !transA;
  const rows = sizeOf(a.shape.slice(0, -1));
  const [x, dy] = shared ? [a.reshape([rows, a.dim(-1)]), g.reshape([rows, g.dim(-1)])] : [a, g];
  const db = transB ? dy.matmul(x, { transA: true, transB: transA, alpha }) : x.matmul(dy, { transA: !transA, alpha });
  return unbroadcast(db, b.shape);
}

/** d A = −Xᵀ G Xᵀ on the strict lower part, X the inverse. */
export function unitLowerInverseGrad({ outputs: [inverse], g }: Pullback<"unitLowerInverse">): Tensor[] {
  const full = inverse!.matmul(g, { transA: true }).matmul(inverse!, { transB: true, alpha: -1 });
  const size = full.dim(-1);
  return [where(iota(size).unsqueeze(1).greater(iota(size)), full, 0)];
}
