import { expandFused, type Node, type PrimitiveOp, type Tensor } from "../../tensor/index.ts";
import { flopsOf, products } from "../flops.ts";
import { spikeTensors } from "./spikes.ts";
import { visitNodes } from "./walk.ts";

/** What a graph's operations are; together as many as `countFlops` counts. */
export interface OperationCount {
  additions: number;
  multiplications: number;
  /** Comparisons, choices, signs, rounding, operations on bits: what costs no more than an addition of integers. */
  logic: number;
  /** Divisions, roots, powers, exponentials and their like. */
  functions: number;
}

type Kind = keyof OperationCount;

const kinds: Readonly<Record<Exclude<Kind, "functions">, readonly PrimitiveOp[]>> = {
  additions: ["add", "sub", "reduceSum", "cumsum", "scatterAdd"],
  multiplications: ["mul", "reduceProd"],
  logic: [
    ...(["neg", "abs", "sign", "floor", "ceil", "round", "maximum", "minimum", "less", "lessEqual", "equal"] as const),
    ...(["and", "or", "xor", "not", "isNaN", "where", "reduceMax", "reduceMin", "argmax", "topk"] as const),
    ...(["bitAnd", "bitOr", "bitXor", "shiftRight", "shiftLeft"] as const),
  ],
};

const kindOf = new Map<PrimitiveOp, Kind>(
  (Object.keys(kinds) as (keyof typeof kinds)[]).flatMap((kind) => kinds[kind].map((op) => [op, kind] as const)),
);

/**
 * Operations of a graph by kind, as many as `countFlops` says. A product of matrices is as many multiplications as
 * additions; where a factor holds only 0 and 1 (spikes, masks) it chooses what is added: its multiplications count as logic.
 */
export function countOperations(outputs: readonly Tensor[]): OperationCount {
  const count: OperationCount = { additions: 0, multiplications: 0, logic: 0, functions: 0 };
  const expanded = expandFused(outputs);
  const spikes = spikeTensors(expanded);
  visitNodes(expanded, (node, times) => {
    const cost = times * flopsOf(node);
    const multiplied: Kind = node.inputs.slice(0, 2).some((t) => spikes.has(t)) ? "logic" : "multiplications";
    if (products.includes(node.op)) {
      count.additions += cost / 2;
      count[multiplied] += cost / 2;
    } else count[node.op === "mul" ? multiplied : (kindOf.get(node.op) ?? "functions")] += cost;
  });
  return count;
}

/** Ops that leave their input where it is, or stand for what is there. */
const unmoved: ReadonlySet<PrimitiveOp> = new Set<PrimitiveOp>([
  "input",
  "constant",
  "reshape",
  "stopGradient",
  "scan",
]);

/** Ops that read as much of their first input as they give. */
const picking: ReadonlySet<PrimitiveOp> = new Set<PrimitiveOp>(["slice", "gather", "gatherElements"]);

/**
 * Bytes that a graph's nodes read and write, each alone: what moves where nothing is fused and nothing stays in a cache.
 * A scan's body reads and writes its own at every step, weights included.
 */
export function countBytes(outputs: readonly Tensor[]): number {
  let bytes = 0;
  visitNodes(outputs, (node, times) => {
    bytes += times * bytesOf(node);
  });
  return bytes;
}

function bytesOf({ op, inputs, outputs }: Node<PrimitiveOp>): number {
  if (unmoved.has(op)) return 0;
  const written = sumOf(outputs);
  return picking.has(op) ? 2 * written + sumOf(inputs.slice(1)) : written + sumOf([...new Set(inputs)]);
}

const sumOf = (tensors: readonly Tensor[]): number => tensors.reduce((sum, t) => sum + t.bytes, 0);
