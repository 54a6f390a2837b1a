import { expandFused, rewrite, type Tensor, type Visit, where } from "../../tensor/index.ts";

/**
 * The same values in ops that ONNX Runtime's WebGPU provider has kernels for, where a cheap equal form exists: products of
 * transposed or scaled factors (it lacks FusedMatMul), log-softmax, sign, or, xor. What remains runs on the CPU.
 */
export function lowerForGpu(outputs: readonly Tensor[]): Tensor[] {
  return rewrite(
    expandFused(outputs, ({ op }) => op !== "logSoftmax"),
    new Map(),
    lower,
  );
}

const lower: Visit = (node, inputs) => {
  const [a, b] = inputs as [Tensor, Tensor];
  if (node.op === "sign") return [signOf(a)];
  if (node.op === "or") return [a.not().and(b.not()).not()];
  if (node.op === "xor") return [a.cast("i32").equal(b.cast("i32")).not()];
  if (node.op !== "matmul") return undefined;
  const { transA, transB, alpha } = node.attrs;
  if (!transA && !transB && alpha === 1) return undefined;
  const product = (transA ? a.swap(-1, -2) : a).matmul(transB ? b.swap(-1, -2) : b);
  return [alpha === 1 ? product : product.mul(alpha)];
};

/** ±1, 0, or NaN where x is not equal to itself. */
const signOf = (x: Tensor) => where(x.equal(x), x.greater(0).cast("f32").sub(x.less(0).cast("f32")), x);
