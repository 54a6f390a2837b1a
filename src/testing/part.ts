import type { Io, ParameterDeclaration, Weight } from "../blocks/index.ts";
import { randomStream } from "../ops/index.ts";
import { fail, type Shape, scalar, type Tensor, zeros } from "../tensor/index.ts";
import type { Arrays } from "./arrays.ts";
import { drawParameters } from "./parameters.ts";

interface AnyComponent {
  kind: string;
  config: { parse(value: unknown): Record<string, unknown> };
  params: (d: Record<string, unknown>, c: Record<string, unknown>) => Record<string, ParameterDeclaration>;
  buffers?: (d: Record<string, unknown>, c: Record<string, unknown>) => Record<string, Shape>;
}

/** A component with one config, sized, with the parameter values at which it is tested. */
export interface TestedPart {
  c: Record<string, unknown>;
  d: Record<string, unknown>;
  declarations: Readonly<Record<string, ParameterDeclaration>>;
  parameters: Arrays;
  buffers: Readonly<Record<string, Shape>>;
}

/** Parses the config and sizes the component. Throws E_DIMS where a size is not a positive integer. */
export function testedPart(
  component: AnyComponent,
  config: Readonly<Record<string, unknown>>,
  dims: (c: Record<string, unknown>) => Record<string, unknown>,
): TestedPart {
  const c = component.config.parse(config);
  const d = dims(c);
  for (const [name, size] of Object.entries(d))
    if (typeof size === "number" && !(Number.isInteger(size) && size > 0))
      fail({
        code: "E_DIMS",
        where: `${component.kind}.${name}`,
        expected: "a positive whole number",
        got: String(size),
      });
  const declarations = component.params(d, c);
  return { c, d, declarations, parameters: drawParameters(declarations), buffers: component.buffers?.(d, c) ?? {} };
}

/** Weights of a part over tensors named `p.<name>`. */
function weightsOf({ declarations }: TestedPart, at: Readonly<Record<string, Tensor>>): Record<string, Weight> {
  const weight = ([name, declaration]: [string, ParameterDeclaration]) => [
    name,
    { path: name, declaration, tensor: at[`p.${name}`]! },
  ];
  return Object.fromEntries(Object.entries(declarations).map(weight));
}

/** Weights that stand for given tensors, those that are not undefined, for calling a component directly. */
export function weightsFrom<T extends Readonly<Record<string, Tensor | undefined>>>(
  tensors: T,
): { [K in keyof T]: Weight } {
  const weights = Object.entries(tensors).flatMap(([path, tensor]) => {
    if (tensor === undefined) return [];
    const declaration: ParameterDeclaration = {
      shape: tensor.shape,
      init: { kind: "constant", value: 0 },
      role: "matrix",
    };
    return [[path, { path, declaration, tensor }]];
  });
  return Object.fromEntries(weights) as { [K in keyof T]: Weight };
}

/** Config, sizes, weights and empty buffers: what `forward` of any family receives, but for `io`. */
export function contextOf(part: TestedPart, at: Readonly<Record<string, Tensor>>) {
  const b = Object.fromEntries(Object.entries(part.buffers).map(([name, shape]) => [name, zeros(shape)]));
  return { c: part.c, d: part.d, p: weightsOf(part, at), b };
}

/** An `io` that says only the mode, with draws from a fixed seed. */
export function plainIo(mode: Io["mode"], seed = 1): Io {
  const key = { seed: scalar(seed, "u32"), step: scalar(1, "u32") };
  return { mode, rng: (label) => randomStream({ ...key, path: label }) };
}

/** Names with a prefix added, and those of a prefix with it taken away. */
export function withPrefix<T>(prefix: string, fields: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${prefix}${name}`, value]));
}
export function withoutPrefix<T>(prefix: string, fields: Readonly<Record<string, T>>): Record<string, T> {
  const chosen = Object.entries(fields).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(chosen.map(([name, value]) => [name.slice(prefix.length), value]));
}
