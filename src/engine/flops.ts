import {
  type BinaryOp,
  type BitOp,
  binaryOps,
  bitOps,
  type CompareOp,
  compareOps,
  expandFused,
  fail,
  isFused,
  type LogicOp,
  logicOps,
  type Node,
  type PrimitiveOp,
  type ReduceOp,
  reduceOps,
  sizeOf,
  type Tensor,
  topological,
  type UnaryOp,
  unaryOps,
} from "../tensor/index.ts";

/** Floating-point operations of a graph. */
export interface FlopCount {
  total: number;
  /** The part done by `matmul`, `conv` and `convTranspose`. */
  matmul: number;
  /** By primitive op; ops without cost are left out. */
  byOp: Partial<Record<PrimitiveOp, number>>;
}

type Cost<K extends PrimitiveOp> = (node: Node<K>) => number;

function rows<K extends PrimitiveOp>(ops: readonly K[], cost: Cost<PrimitiveOp>): { [P in K]: Cost<P> } {
  return Object.fromEntries(ops.map((op) => [op, cost])) as unknown as { [P in K]: Cost<P> };
}

const outputSize = ({ outputs }: { outputs: readonly Tensor[] }) => outputs[0]!.size;
const inputSize = ({ inputs }: { inputs: readonly Tensor[] }) => inputs[0]!.size;
const free = () => 0;

/** A multiplication and an addition for each term of each sum. */
const productCost: Cost<"matmul"> = ({ inputs: [a], outputs: [y], attrs: { transA } }) =>
  2 * y!.size * a!.dim(transA ? -2 : -1);

/** Two per kernel element of the group and feature; padding is counted as if it were multiplied. */
const convolutionCost = (features: Tensor, w: Tensor) => 2 * features.size * w.dim(1) * sizeOf(w.shape.slice(2));

/**
 * Cost of each primitive op: one per element of the output for elementwise arithmetic (exp, log, tanh, … count as one),
 * one per element of the input for reductions, running sums and searches, one per update of a scatter, nothing for
 * moving or casting data. A scan is its body times its length: see {@link countFlops}.
 */
const costs: { [K in PrimitiveOp]: Cost<K> } = {
  ...rows<UnaryOp>(unaryOps, outputSize),
  ...rows<BinaryOp>(binaryOps, outputSize),
  ...rows<CompareOp>(compareOps, outputSize),
  ...rows<LogicOp>(logicOps, outputSize),
  ...rows<BitOp>(bitOps, outputSize),
  ...rows<ReduceOp>(reduceOps, inputSize),
  ...rows(
    [
      "input",
      "constant",
      "cast",
      "stopGradient",
      "reshape",
      "transpose",
      "expand",
      "concat",
      "slice",
      "pad",
      "flip",
      "gather",
      "gatherElements",
      "scan",
    ],
    free,
  ),
  ...rows(["not", "isNaN", "where"], outputSize),
  ...rows(["argmax", "topk", "cumsum"], inputSize),
  scatterAdd: ({ inputs: [, , updates] }) => updates!.size,
  matmul: productCost,
  conv: ({ inputs: [, w], outputs: [y] }) => convolutionCost(y!, w!),
  convTranspose: ({ inputs: [g, w] }) => convolutionCost(g!, w!),
};

const products: readonly PrimitiveOp[] = ["matmul", "conv", "convTranspose"];

/**
 * Counts what a graph computes, read off its shapes: 2·m·n·k for a matrix product, likewise for convolutions, see
 * {@link costs} for the rest. Fused ops count as their expansions, a scan as its body times its length. The count is of
 * the graph as recorded, before any engine merges or removes nodes.
 */
export function countFlops(outputs: readonly Tensor[]): FlopCount {
  const count: FlopCount = { total: 0, matmul: 0, byOp: {} };
  addCosts(count, expandFused(outputs), { times: 1, boundary: new Set() });
  return count;
}

function addCosts(
  count: FlopCount,
  outputs: readonly Tensor[],
  { times, boundary }: { times: number; boundary: ReadonlySet<Tensor> },
): void {
  for (const node of topological(outputs, boundary)) {
    if (isFused(node)) fail({ code: "E_OP", where: "countFlops", expected: "primitive ops", got: node.op });
    add(count, node.op, times * costOf(node));
    if (node.op !== "scan") continue;
    const { body, captures, length } = node.attrs;
    const inside = new Set([...body.states, ...body.xs, ...captures]);
    addCosts(count, [...body.nextStates, ...body.ys], { times: times * length, boundary: inside });
  }
}

function costOf<K extends PrimitiveOp>(node: Node<K>): number {
  return costs[node.op](node);
}

function add(count: FlopCount, op: PrimitiveOp, cost: number): void {
  if (cost === 0) return;
  count.total += cost;
  if (products.includes(op)) count.matmul += cost;
  count.byOp[op] = (count.byOp[op] ?? 0) + cost;
}
