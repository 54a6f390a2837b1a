import { type FusedNode, inputsOf, type Program, type Tensor, topological } from "../../tensor/index.ts";
import { optimise } from "../passes.ts";
import { Emitter, valueInfo } from "./emitter.ts";
import { emitNode, isNative } from "./rules.ts";

/** An ONNX model and how its values are called. */
export interface OnnxModel {
  bytes: Uint8Array;
  /** Program input → its type; the model uses the same names. */
  inputs: Map<string, Tensor>;
  /** Program output → the model's name for it: several may share one value. */
  outputs: Map<string, { name: string; tensor: Tensor }>;
}

/** Optimises a program and writes it as an ONNX model of fixed shapes. */
export function emitOnnx(program: Program): OnnxModel {
  const names = Object.keys(program.outputs);
  const traced = Object.values(program.outputs);
  const tensors = optimise(traced, nativeIn(traced));
  const optimised: Program = { outputs: Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) };
  const inputs = inputsOf(optimised);
  const e = new Emitter();
  for (const [name, t] of inputs) e.declare(t, name);
  for (const node of topological(tensors)) if (node.op !== "input") emitNode(e, node);
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
  return { bytes: e.serialize(graph), inputs, outputs };
}

/** Fused nodes that stay: not a gelu whose gradient computes the same error function, which the two can share. */
function nativeIn(outputs: readonly Tensor[]): (node: FusedNode) => boolean {
  const erfOf = new Set<Tensor>();
  for (const node of topological(outputs))
    if (node.op === "erf") for (const factor of node.inputs[0]!.node.inputs) erfOf.add(factor);
  return (node) => isNative(node) && !(node.op === "gelu" && erfOf.has(node.inputs[0]!));
}
