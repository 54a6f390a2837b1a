import type { DType, Node, PrimitiveOp, Tensor } from "../../tensor/index.ts";

/** Evaluates one node whose shapes are fixed. Inputs are never written to; outputs may share their memory. */
export type Kernel = (inputs: readonly Float64Array[]) => Float64Array[];

/** A graph made ready to run: values of the leaves in, values of the outputs out. */
export interface Plan {
  run(leaves: readonly Float64Array[]): Float64Array[];
}

/** Makes a plan of what lies between `leaves` and `outputs`; scans call it for their bodies. */
export type Planner = (outputs: readonly Tensor[], leaves: readonly Tensor[]) => Plan;

export type KernelMaker<K extends PrimitiveOp> = (node: Node<K>, plan: Planner) => Kernel;

/** Brings a number into a dtype: integers truncate and wrap modulo 2³², anything but zero is true. */
export const settle: Readonly<Record<DType, (x: number) => number>> = {
  f32: (x) => x,
  i32: (x) => x | 0,
  u32: (x) => x >>> 0,
  bool: (x) => (x === 0 ? 0 : 1),
};
