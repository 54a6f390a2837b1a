import { fail, iota, sameShape, scan, type Tensor, where, zeros } from "../tensor/index.ts";
import { grad, vjp } from "./vjp.ts";

/**
 * Jacobian–vector product: how each output moves when each of `wrt` moves along its tangent, Σ ∂output/∂wrt[i]·tangents[i].
 * Forward mode by two reverse passes: the pull-back Jᵀu is linear in u, so pulling the tangents back through it gives J·v
 * (Townsend 2017). Zero where an output does not depend on `wrt`. Throws E_GRAD where a tangent's shape is not its tensor's.
 */
export function jvp(outputs: readonly Tensor[], wrt: readonly Tensor[], tangents: readonly Tensor[]): Tensor[] {
  assertTangents("jvp", wrt, tangents);
  const dual = outputs.map((t) => zeros(t.shape));
  const pulled = vjp(outputs, dual, wrt);
  const moved = pulled.flatMap((t, i) => (t === undefined ? [] : [{ t, tangent: tangents[i]! }]));
  const pushed = vjp(
    moved.map(({ t }) => t),
    moved.map(({ tangent }) => tangent),
    dual,
  );
  return pushed.map((t, i) => t ?? zeros(outputs[i]!.shape));
}

/**
 * Hessian–vector product of a scalar: H·v with H = ∂²loss/∂wrt², one part per tensor of `wrt`; two reverse passes, no Hessian
 * (Pearlmutter 1994). Throws E_GRAD where a vector's shape is not its tensor's, or the loss is not a scalar.
 */
export function hvp(loss: Tensor, wrt: readonly Tensor[], vectors: readonly Tensor[]): Tensor[] {
  assertTangents("hvp", wrt, vectors);
  if (loss.size !== 1)
    fail({ code: "E_GRAD", where: "hvp", expected: "a scalar loss", got: `shape [${loss.shape.join(", ")}]` });
  const slopes = grad(loss, wrt).flatMap((t, i) => (t === undefined ? [] : [{ t, vector: vectors[i]! }]));
  const products = vjp(
    slopes.map(({ t }) => t),
    slopes.map(({ vector }) => vector),
    wrt,
  );
  return products.map((t, i) => t ?? zeros(wrt[i]!.shape));
}

/**
 * All first derivatives of one output: for each of `wrt` a tensor [...output.shape, ...wrt.shape]. One reverse pass per
 * element of the output, as the steps of a scan: for small outputs. The Hessian is `jacobian(grad(loss, [x])[0], [x])`.
 */
export function jacobian(output: Tensor, wrt: readonly Tensor[]): Tensor[] {
  const size = output.size;
  const { ys } = scan({
    init: [],
    xs: [iota(size)],
    step: (_, [row]) => {
      const one = where(iota(size).equal(row!), 1, 0).reshape(output.shape);
      return { states: [], ys: vjp([output], [one], wrt).map((t, i) => t ?? zeros(wrt[i]!.shape)) };
    },
  });
  return ys.map((t, i) => t.reshape([...output.shape, ...wrt[i]!.shape]));
}

function assertTangents(where: string, wrt: readonly Tensor[], tangents: readonly Tensor[]): void {
  const wrong = wrt.findIndex((t, i) => tangents[i] === undefined || !sameShape(t.shape, tangents[i]!.shape));
  if (wrong < 0 && wrt.length === tangents.length) return;
  const show = (t: Tensor | undefined) => (t ? `[${t.shape.join(", ")}]` : "nothing");
  fail({ code: "E_GRAD", where, expected: `a vector ${show(wrt[wrong])} for each tensor`, got: show(tangents[wrong]) });
}
