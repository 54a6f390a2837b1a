import {
  type Capabilities,
  type ChannelContext,
  type Citation,
  type Io,
  type IoField,
  indispensable,
  type ParameterDeclaration,
  type StateDeclaration,
  type Weight,
} from "../blocks/index.ts";
import type { Shape, Tensor } from "../tensor/index.ts";
import { assertSizes } from "./part-size.ts";
import type { PartSpec } from "./spec.ts";

type Fields<T> = Record<string, T>;

/** What parts of every family have in common. */
interface AnyComponent {
  kind: string;
  title: string;
  cite: Citation;
  equations: readonly string[];
  params: (d: Fields<unknown>, c: Fields<unknown>) => Fields<ParameterDeclaration>;
  buffers?: (d: Fields<unknown>, c: Fields<unknown>) => Fields<Shape>;
  reads?: readonly IoField[];
  needs?: (c: Fields<unknown>) => readonly IoField[];
  capabilities?: Flowing | ((c: Fields<unknown>) => Flowing);
}

type Flowing = Pick<Capabilities, "flow" | "length"> & Partial<Pick<Capabilities, "state">>;

/** A component with its sizes in one place of a model; `path` names its states, draws and probes. */
export interface Part<T extends AnyComponent = AnyComponent> {
  readonly component: T;
  readonly path: string;
  /** Prefix of its parameters and buffers: its own path, or that of the part whose weights it shares. */
  readonly storage: string;
  /** Where it stands in the spec, such as `layers[3].mixer`. */
  readonly where: string;
  readonly c: Fields<unknown>;
  readonly d: Fields<unknown>;
  readonly parameters: Readonly<Fields<ParameterDeclaration>>;
  readonly buffers: Readonly<Fields<Shape>>;
}

/** What a part cannot work without. */
export const needsOf = ({ component, c }: Part): readonly IoField[] =>
  component.needs?.(c) ?? (component.reads ?? []).filter((field) => indispensable.includes(field));

/** Whether a part's output may depend on later tokens, and on the length; absent capabilities: each token alone. */
export const promises = ({ component: { capabilities }, c }: Part): Flowing =>
  (capabilities instanceof Function ? capabilities(c) : capabilities) ?? { flow: "both", length: "any" };

export const flowOfPart = (part: Part): Capabilities["flow"] => promises(part).flow;

/** Sizes a component and declares its parameters. Throws E_SPEC_DIVIDES where a size is not a positive integer. */
export function buildPart<T extends AnyComponent>(
  component: T,
  {
    spec,
    path,
    storage = path,
    where,
    dims,
  }: {
    spec: PartSpec;
    path: string;
    storage?: string;
    /** Names the part in errors. */
    where: string;
    dims: (c: Fields<unknown>) => Fields<unknown>;
  },
): Part<T> {
  const { kind: _, ...c } = spec;
  const d = assertSizes({ where, kind: spec.kind, c, dims });
  const [parameters, buffers] = [component.params(d, c), component.buffers?.(d, c) ?? {}];
  return { component, path, storage, where, c, d, parameters, buffers };
}

/** Reads parameters and buffers by path. */
export interface Source {
  weight(path: string, declaration: ParameterDeclaration): Tensor;
  buffer(path: string, shape: Shape): Tensor;
}

/** What a part's functions receive: config, sizes, weights, buffers, and its own stream of random draws. */
export function contextOf(
  part: Part,
  source: Source,
  io: Io,
): ChannelContext<Fields<unknown>, Fields<unknown>, Fields<ParameterDeclaration>> {
  const p: Fields<Weight> = {};
  for (const [name, declaration] of Object.entries(part.parameters)) {
    const path = `${part.storage}.${name}`;
    p[name] = { path, declaration, tensor: source.weight(path, declaration) };
  }
  const buffers = Object.entries(part.buffers).map(([name, shape]) => [
    name,
    source.buffer(`${part.storage}.${name}`, shape),
  ]);
  return {
    c: part.c,
    d: part.d,
    p,
    b: Object.fromEntries(buffers),
    io: { ...io, rng: (label) => io.rng(`${part.path}.${label}`) },
  };
}

/** Fields under `path.` taken out of, or put into, flat records. */
export function under<T>(path: string, fields: Readonly<Fields<T>>): Fields<T> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${path}.${name}`, value]));
}
export function below<T>(path: string, flat: Readonly<Fields<T>>, names: Iterable<string>): Fields<T> {
  return Object.fromEntries(
    [...names].flatMap((name) => (`${path}.${name}` in flat ? [[name, flat[`${path}.${name}`]!]] : [])),
  );
}

/** Shape of a state after `tokens` tokens, written from a source of as many. */
export function stateShape(declaration: StateDeclaration, tokens: number): Shape {
  if (isShape(declaration)) return declaration;
  if ("memory" in declaration) return declaration.memory(tokens);
  if (typeof declaration.shape !== "function") return declaration.shape;
  const window = "window" in declaration ? declaration.window : undefined;
  return declaration.shape(Math.min(tokens, window ?? tokens));
}

export function isShape(declaration: StateDeclaration): declaration is Shape {
  return Array.isArray(declaration);
}
