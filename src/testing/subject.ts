import { compileReference } from "../engine/index.ts";
import { vjp } from "../grad/index.ts";
import { constant, input, type Tensor, zeros } from "../tensor/index.ts";
import { type Arrays, randomNormal } from "./arrays.ts";

/** A differentiable function of named arrays, as a graph, at one point. Whatever is not differentiated is a constant of the graph. */
export interface Subject {
  readonly inputs: Arrays;
  build(at: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>>;
}

export interface Evaluation {
  outputs: Arrays;
  /** Of Σ output · cotangent by every input; cotangents are fixed random numbers per output's name. */
  gradients: Arrays;
}

export interface Traced {
  leaves: Readonly<Record<string, Tensor>>;
  outputs: Readonly<Record<string, Tensor>>;
}

export function trace({ inputs, build }: Subject): Traced {
  const leaves = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, input(name, shape)]));
  return { leaves, outputs: build(leaves) };
}

/** The cotangent of an output, exact in f32. */
export const cotangentOf = (name: string, shape: readonly number[]) => randomNormal(`cotangent ${name}`, shape);

/** Gradients of Σ output · cotangent by every leaf; undefined where the outputs do not depend on it. */
export function gradientsOf({ leaves, outputs }: Traced): Record<string, Tensor | undefined> {
  const names = Object.keys(outputs).filter((name) => outputs[name]!.dtype === "f32");
  const cotangents = names.map((name) => {
    const { shape, data } = cotangentOf(name, outputs[name]!.shape);
    return constant(data, shape);
  });
  const gradients = vjp(
    names.map((name) => outputs[name]!),
    cotangents,
    Object.values(leaves),
  );
  return Object.fromEntries(Object.keys(leaves).map((name, i) => [name, gradients[i]]));
}

/** Σ output · cotangent, as one number. */
export function objectiveOf(outputs: Readonly<Record<string, Tensor>>): Tensor {
  return Object.entries(outputs)
    .filter(([, t]) => t.dtype === "f32")
    .map(([name, t]) => t.mul(constant(cotangentOf(name, t.shape).data, t.shape)).sum())
    .reduce((sum, term) => sum.add(term));
}

export const feedsOf = (inputs: Arrays): Record<string, Float64Array> =>
  Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data]));

/** Names an engine's results. */
function named(tensors: Readonly<Record<string, Tensor>>, values: readonly Float64Array[]): Arrays {
  return Object.fromEntries(Object.entries(tensors).map(([name, { shape }], i) => [name, { shape, data: values[i]! }]));
}

/** Outputs on the reference engine. */
export function run(subject: Subject): Arrays {
  const { outputs } = trace(subject);
  return named(outputs, compileReference(Object.values(outputs)).run(feedsOf(subject.inputs)));
}

/** Outputs and gradients on the reference engine. */
export function evaluate(subject: Subject): Evaluation {
  const traced = trace(subject);
  const gradients = Object.fromEntries(
    Object.entries(gradientsOf(traced)).map(([name, g]) => [name, g ?? zeros(traced.leaves[name]!.shape)]),
  );
  const tensors = [...Object.values(traced.outputs), ...Object.values(gradients)];
  const values = compileReference(tensors).run(feedsOf(subject.inputs));
  const count = Object.keys(traced.outputs).length;
  return { outputs: named(traced.outputs, values.slice(0, count)), gradients: named(gradients, values.slice(count)) };
}

/** Largest magnitude of all arrays. */
export function magnitude(arrays: Arrays): number {
  return Math.max(
    0,
    ...Object.values(arrays).map(({ data }) => data.reduce((max, x) => Math.max(max, Math.abs(x)), 0)),
  );
}
