import {
  type BinaryOp,
  type BitOp,
  binaryOps,
  bitOps,
  type CompareOp,
  compareOps,
  type LogicOp,
  logicOps,
  type Node,
  type PrimitiveOp,
  type ReduceOp,
  reduceOps,
  sizeOf,
  type Tensor,
  type UnaryOp,
  unaryOps,
} from "../tensor/index.ts";
import { movingOps } from "./counters/moving-ops.ts";
import { visitNodes } from "./counters/walk.ts";

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
  ...rows([...movingOps, "scan"], free),
  ...rows(["not", "isNaN", "where"], outputSize),
  ...rows(["argmax", "topk", "cumsum"], inputSize),
  scatterAdd: ({ inputs: [, , updates] }) => updates!.size,
  matmul: productCost,
  conv: ({ inputs: [, w], outputs: [y] }) => convolutionCost(y!, w!),
  convTranspose: ({ inputs: [g, w] }) => convolutionCost(g!, w!),
};

/**
 * Counts what a graph computes, read off its shapes: 2·m·n·k for a matrix product, likewise for convolutions, see
 * {@link costs} for the rest. Fused ops count as their expansions, a scan as its body times its length. The count is of
 * the graph as recorded, before any engine merges or removes nodes.
 */
export function countFlops(outputs: readonly Tensor[]): FlopCount {
  const count: FlopCount = { total: 0, matmul: 0, byOp: {} };
  visitNodes(outputs, (node, times) => add(count, node.op, times * flopsOf(node)));
  return count;
}

/** The total of {@link countFlops} by the path of the part that recorded each node; empty outside all parts. */
export function flopsByPath(outputs: readonly Tensor[]): Map<string, number> {
  const counts = new Map<string, number>();
  visitNodes(outputs, (node, times) => {
    const { path } = node.origin;
    counts.set(path, (counts.get(path) ?? 0) + times * flopsOf(node));
  });
  return counts;
}

/** Of one run of a node; a scan's own are those of its body, which is not looked at. */
export function flopsOf<K extends PrimitiveOp>(node: Node<K>): number {
  return costs[node.op](node);
}

/** Ops whose cost is half multiplications and half additions. */
export const products: readonly PrimitiveOp[] = ["matmul", "conv", "convTranspose"];

function add(count: FlopCount, op: PrimitiveOp, cost: number): void {
  if (cost === 0) return;
  count.total += cost;
  if (products.includes(op)) count.matmul += cost;
  count.byOp[op] = (count.byOp[op] ?? 0) + cost;
}
