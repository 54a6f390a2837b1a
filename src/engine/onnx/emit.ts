import {
  type AnyNode,
  type FusedNode,
  inputsOf,
  type Program,
  sameShape,
  type Tensor,
  topological,
} from "../../tensor/index.ts";
import { optimise, shareCommon } from "../passes.ts";
import { Emitter, valueInfo } from "./emitter.ts";
import { lowerForGpu } from "./lower-for-gpu.ts";
import { emitNode, isNative } from "./rules.ts";

/** An ONNX model and how its values are called. */
export interface OnnxModel {
  bytes: Uint8Array;
  /** Program input → its type; the model uses the same names. */
  inputs: Map<string, Tensor>;
  /** Program output → the model's name for it: several may share one value. */
  outputs: Map<string, { name: string; tensor: Tensor }>;
  /** Bytes that all nodes write in one run, were none of them run in place. */
  writtenBytes: number;
}

/** What a model is written for. */
export type Target = "cpu" | "webgpu";

/**
 * WebGPU's kernels know Pad only up to version 21, so 23 and later are no use. 22 is one that they do not know of Sin, Cos and
 * their like: those run on the CPU, because a GPU's sine is exact to 2⁻¹¹ at best (WGSL, "Accuracy of built-in functions").
 */
const opsets: Readonly<Record<Target, number>> = { cpu: 24, webgpu: 22 };

/** Optimises a program and writes it as an ONNX model of fixed shapes. */
export function emitOnnx(program: Program, target: Target = "cpu"): OnnxModel {
  const names = Object.keys(program.outputs);
  const traced = Object.values(program.outputs);
  const general = optimise(traced, nativeIn(traced, target));
  const tensors = target === "webgpu" ? shareCommon(lowerForGpu(general)) : general;
  const optimised: Program = { outputs: Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) };
  const inputs = inputsOf(optimised);
  const e = new Emitter();
  for (const [name, t] of inputs) e.declare(t, name);
  emitNodes(e, tensors, target);
  const produced = new Set(e.nodes.flatMap((node) => node.output));
  // A model's output must be produced by a node: inputs and constants go through Identity.
  const outputName = (name: string) => (produced.has(name) ? name : e.node("Identity", [name])[0]!);
  const outputs = new Map(
    names.map((name, i) => [name, { name: outputName(e.nameOf(tensors[i]!)), tensor: tensors[i]! }]),
  );
  const unique = new Map([...outputs.values()].map(({ name, tensor }) => [name, tensor]));
  const graph = e.graph(
    "seqlab",
    [...inputs].map(([name, t]) => valueInfo(name, t)),
    [...unique].map(([name, t]) => valueInfo(name, t)),
  );
  return { bytes: e.serialize(graph, opsets[target]), inputs, outputs, writtenBytes: writtenBytes(tensors) };
}

function writtenBytes(outputs: readonly Tensor[]): number {
  const written = topological(outputs).flatMap((node) => (node.op === "input" ? [] : node.outputs));
  return written.reduce((sum, { size, dtype }) => sum + size * (dtype === "bool" ? 1 : 4), 0);
}

/**
 * ONNX Runtime runs a graph depth first, from its last leaf (a node without users) to its first. With the leaves at the end,
 * latest first, each weight's gradient is computed as soon as what it reads is there, while that lies in the cache, and not
 * after the whole backward pass.
 */
function emitNodes(e: Emitter, outputs: readonly Tensor[], target: Target): void {
  const nodes = topological(outputs).filter((node) => node.op !== "input");
  const used = new Set(nodes.flatMap((node) => node.inputs.map((t) => t.node)));
  for (const node of nodes) if (used.has(node)) emitNode(e, node);
  for (const node of nodes.toReversed()) if (!used.has(node)) (target === "cpu" ? emitLeaf : emitNode)(e, node);
}

/** An `Add` to a product would be fused into a new node, which comes after all leaves; a `Sum` (unknown to WebGPU) is not. */
function emitLeaf(e: Emitter, node: AnyNode): void {
  const [a, b] = node.inputs;
  if (node.op === "add" && a!.dtype === "f32" && sameShape(a!.shape, b!.shape)) {
    e.origin = node.origin;
    const names = node.inputs.map((t) => e.nameOf(t));
    e.declare(node.outputs[0]!, e.node("Sum", names)[0]!);
  } else emitNode(e, node);
}

/**
 * Fused nodes that stay: not a gelu whose gradient computes the same error function, which the two can share, and linear
 * attention only on the CPU where nothing is differentiated: gradients read what its parallel form computes on the way.
 */
function nativeIn(outputs: readonly Tensor[], target: Target): (node: FusedNode) => boolean {
  const nodes = topological(outputs);
  const erfOf = new Set<Tensor>();
  for (const node of nodes) if (node.op === "erf") for (const factor of node.inputs[0]!.node.inputs) erfOf.add(factor);
  const recurrent = target === "cpu" && nodes.every((node) => node.origin.pass !== "backward");
  return (node) => {
    if (node.op === "linearAttention") return recurrent && node.inputs.every((t) => t.size > 0);
    return isNative(node) && !(node.op === "gelu" && erfOf.has(node.inputs[0]!));
  };
}
