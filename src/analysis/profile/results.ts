/** What a profile finds: the shape that `seqlab profile --json` prints and its page is drawn from. Costs are those of the fastest of several steps. */
import type { Figure } from "../comparison/results.ts";

export type Pass = "forward" | "backward";

/** What computing something took. */
export interface Cost {
  /** Without what runs inside (a scan's body counts under its own ops). */
  ms: number;
  /** Of the whole step's time. */
  share: number;
  /** Kernels run. */
  calls: number;
  /** Read and written. */
  bytes: number;
  /** Of matrix products and convolutions, 2·m·n·k each; 0 for all else. */
  flops: number;
  /** flops a second of the products among them, in 10⁹; null where there are none. */
  gflops: number | null;
}

/** A node of the executed graph. */
export interface KernelCost extends Cost {
  /** As ONNX Runtime names it after its own fusions: part, pass, ONNX node. */
  name: string;
  op: string;
  /** Path of the part that recorded it, such as `layers.0.mixer`. */
  path: string;
  pass: Pass;
  inputs: readonly (readonly number[])[];
  outputs: readonly (readonly number[])[];
}

export interface PartCost extends Cost {
  path: string;
  pass: Pass;
  ops: readonly (Cost & { op: string })[];
}

/** A layer, or a part outside layers (embedding, norm, head, objective). */
export interface BlockCost extends Cost {
  path: string;
  forwardMs: number;
  backwardMs: number;
}

export interface Profile {
  model: { name: string; title: string; parameters: number };
  /** What was timed, over `batch` sequences: a training step of `length` tokens, or decoding a token behind `length`. */
  task: { kind: "train" | "decode"; batch: number; length: number };
  threads: number;
  /** Steps as their caller waits for them, profiling included. */
  stepMs: Figure;
  /** The fastest of them. */
  ms: number;
  /** Inside the engine's graph; the rest is the optimizer, and the way to the engine and back. */
  graphMs: number;
  /** Inside kernels; the rest of graphMs is the engine's own. */
  kernelMs: number;
  /** The fastest of large products, timed in the same process with as many threads. */
  peak: { gflops: number; size: number };
  /** All matrix products and convolutions together. */
  products: Cost & { shareOfPeak: number };
  blocks: readonly BlockCost[];
  parts: readonly PartCost[];
  ops: readonly (Cost & { op: string })[];
  /** The costliest first. */
  kernels: readonly KernelCost[];
}
