import { apply, constant, type Op, type OpAttrs, rewrite, sizeOf, type Tensor } from "../tensor/index.ts";
import { runReference } from "./reference.ts";

/** Ops that every engine computes to the last bit alike: moves, comparisons, whole numbers, and what IEEE 754 rounds correctly. */
const exact: ReadonlySet<Op> = new Set<Op>([
  ...(["add", "sub", "mul", "div", "neg", "abs", "floor", "ceil"] as const),
  ...(["less", "lessEqual", "equal", "isNaN", "and", "or", "xor", "not", "where", "cast"] as const),
  ...(["bitAnd", "bitOr", "bitXor", "shiftRight", "shiftLeft"] as const),
  ...(["reshape", "transpose", "concat", "slice", "pad", "flip", "gather", "gatherElements", "stopGradient"] as const),
]);

/** Larger ones would make the model longer than the few nodes that they replace. */
const largestFolded = 256;

/**
 * Replaces what only constants reach by its value, also inside scans, where that changes no bit. Numbers are rounded to f32
 * before and after each op: for sums, products and quotients the detour over f64 is the same as rounding once (Figueroa 1995).
 */
export function foldConstants(outputs: readonly Tensor[]): Tensor[] {
  return rewrite(outputs, new Map(), (node, inputs) => {
    const [y] = node.outputs;
    if (!exact.has(node.op) || sizeOf(y!.shape) > largestFolded || !inputs.every(isConstant)) return undefined;
    const value = apply(node.op as Op, inputs.map(rounded), node.attrs as OpAttrs[Op]);
    const [data] = runReference(value, {});
    return [constant(y!.dtype === "f32" ? data!.map(Math.fround) : data!, y!.shape, y!.dtype)];
  });
}

const isConstant = (t: Tensor): boolean => t.node.op === "constant";

/** What engines in f32 read of a constant. */
function rounded(t: Tensor): Tensor {
  if (t.node.op !== "constant" || t.dtype !== "f32") return t;
  return constant(Float64Array.from(t.node.attrs.data, Math.fround), t.shape);
}
