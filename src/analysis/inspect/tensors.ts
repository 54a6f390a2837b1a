import type { BuiltModel } from "../../spec/index.ts";
import { fail, type Shape, type Tensor } from "../../tensor/index.ts";
import { internalsOf } from "./internals.ts";
import type { TensorSummary } from "./results.ts";
import type { Sample } from "./sample.ts";
import { type Reading, rounded, type Trace, traceSample } from "./trace.ts";

/** Tensors by name: the probes that components return, and everything else that the graph computes. */
export function namedTensors({ result }: Trace): Map<string, Tensor> {
  const internal = internalsOf([result.logits, ...Object.values(result.probes)]);
  return new Map([
    ...Object.entries(result.probes),
    ...internal.map(({ name, tensor }): [string, Tensor] => [name, tensor]),
  ]);
}

/** Names and shapes of everything that can be fetched while a model reads a sample. Nothing is computed. */
export function tensorNames(built: BuiltModel, sample: Sample): { name: string; shape: Shape }[] {
  return [...namedTensors(traceSample(built, sample))].map(([name, { shape }]) => ({ name, shape }));
}

/** Fetches tensors by name. Throws E_INSPECT_TENSOR for a name that is none. */
export function fetched(trace: Trace, names: readonly string[]): Reading<TensorSummary[]> {
  const known = names.length === 0 ? new Map<string, Tensor>() : namedTensors(trace);
  const chosen = names.map((name) => ({ name, tensor: known.get(name) ?? failUnknown(name, [...known.keys()]) }));
  return {
    outputs: Object.fromEntries(chosen.map(({ name, tensor }) => [`tensor:${name}`, tensor])),
    read: (values) =>
      chosen.map(({ name, tensor: { shape } }) => summarise(name, shape, Array.from(values[`tensor:${name}`]!))),
  };
}

function summarise(name: string, shape: readonly number[], values: readonly number[]): TensorSummary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return {
    name,
    shape,
    mean: rounded(mean),
    std: rounded(Math.sqrt(variance)),
    least: rounded(values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)),
    most: rounded(values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)),
    values: values.map(rounded),
  };
}

function failUnknown(name: string, known: readonly string[]): never {
  const part = known.filter((one) => one.startsWith(name.split("/")[0]!)).slice(0, 8);
  return fail({
    code: "E_INSPECT_TENSOR",
    where: "tensor",
    expected: "a name that --tensors lists",
    got: `"${name}"`,
    ...(part.length > 0 && { hint: `There are ${part.join(", ")}, …` }),
  });
}
