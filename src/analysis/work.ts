import { countBytes, countFlops, countOperations, criticalPath, type OperationCount } from "../engine/index.ts";
import { expandFused, type Tensor } from "../tensor/index.ts";

/** What a pass does, counted on its graph as recorded; all but `steps` a token. */
export interface Work {
  flops: number;
  /** The same by kind. */
  operations: OperationCount;
  /** Bytes that all nodes read and write, each alone: nothing fused, nothing kept in a cache. */
  bytes: number;
  /** Arithmetic intensity. */
  flopsPerByte: number;
  /** Dependent steps of the whole pass, whatever the number of processors. */
  steps: number;
  energy: Energy;
}

/** Joules by published figures for single operations: a proxy, of use in ratios. */
export interface Energy {
  arithmetic: number;
  /** Were every byte read from and written to a cache of 32 KiB. */
  cache: number;
  /** Were it main memory. */
  memory: number;
}

/**
 * Picojoules in 45 nm at 0.9 V: Horowitz 2014, "Computing's energy problem (and what we can do about it)", ISSCC, figure 1.1.9.
 * Additions and multiplications are of 32-bit floats, `logic` is an addition of 32-bit integers; divisions, roots and
 * exponentials have no figure there and count as multiplications. A byte is an eighth of a 64-bit access; DRAM takes 1.3 to
 * 2.6 nJ, of which this is the lower end.
 */
export const picojoules = {
  additions: 0.9,
  multiplications: 3.7,
  logic: 0.1,
  functions: 3.7,
  cacheByte: 20 / 8,
  memoryByte: 1300 / 8,
} as const;

/** What operations and bytes take by {@link picojoules}. */
export function energyOf(operations: OperationCount, bytes: number): Energy {
  const kinds = Object.keys(operations) as (keyof OperationCount)[];
  const arithmetic = kinds.reduce((sum, kind) => sum + operations[kind] * picojoules[kind], 0);
  return {
    arithmetic: 1e-12 * arithmetic,
    cache: 1e-12 * bytes * picojoules.cacheByte,
    memory: 1e-12 * bytes * picojoules.memoryByte,
  };
}

/** Counts the graph of a pass over `tokens` tokens. */
export function workOf(outputs: readonly Tensor[], tokens = 1): Work {
  const graph = expandFused(outputs);
  const share = (count: number) => count / tokens;
  const { additions, multiplications, logic, functions } = countOperations(graph);
  const operations = {
    additions: share(additions),
    multiplications: share(multiplications),
    logic: share(logic),
    functions: share(functions),
  };
  const [flops, bytes] = [share(countFlops(graph).total), share(countBytes(graph))];
  return {
    flops,
    operations,
    bytes,
    flopsPerByte: flops / bytes,
    steps: criticalPath(graph),
    energy: energyOf(operations, bytes),
  };
}
