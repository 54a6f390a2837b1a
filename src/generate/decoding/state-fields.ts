import type { GrowingState, MemoryState, StateDeclaration } from "../../blocks/index.ts";
import { isShape, type Model, stateShape } from "../../model/index.ts";
import { type Shape, sizeOf } from "../../tensor/index.ts";

interface Field {
  /** Of the state in the model. */
  path: string;
  /** Name of the value in the engine. */
  resident: string;
}

/** A state of constant size: each step replaces it. */
interface FiniteField extends Field {
  kind: "finite";
  shape: Shape;
  /** Every element before the first token. */
  start: number;
}

/** A state that gains entries: a buffer of larger capacity, written in place. */
interface GrowingField extends Field {
  kind: "growing";
  shape: (tokens: number) => Shape;
  /** Axis of the tokens behind the batch axis. */
  axis: number;
  /** Most entries that are kept: entry t stands at t mod window. */
  window: number | undefined;
}

/** What is kept of the source: made by the first piece, then read only. */
interface MemoryField extends Field {
  kind: "memory";
  shape: (sourceTokens: number) => Shape;
  /** Axis of the source tokens behind the batch axis. */
  axis: number;
}

/** One field of a model's state as it lives in an engine, with the batch axis in front. */
export type StateField = FiniteField | GrowingField | MemoryField;

const smallestCapacity = 32;

/** Entries that a growing buffer for so many tokens has room for: the next power of two. */
export function capacityFor(tokens: number): number {
  return Math.max(smallestCapacity, 2 ** Math.ceil(Math.log2(tokens)));
}

/** The fields of a model's state under names that begin with `prefix`. */
export function stateFields(model: Model, prefix: string): StateField[] {
  return [...model.states].map(([path, declaration]) => ({
    path,
    resident: `${prefix}${path}`,
    ...layout(declaration),
  }));
}

type Layout<F> = F extends Field ? Omit<F, keyof Field> : never;

function layout(declaration: StateDeclaration): Layout<StateField> {
  if (isShape(declaration)) return { kind: "finite", shape: declaration, start: 0 };
  if ("memory" in declaration) return { kind: "memory", shape: declaration.memory, axis: declaration.axis + 1 };
  if (isGrowing(declaration))
    return { kind: "growing", shape: declaration.shape, axis: declaration.axis + 1, window: declaration.window };
  return { kind: "finite", shape: declaration.shape, start: declaration.start ?? 0 };
}

function isGrowing(declaration: Exclude<StateDeclaration, Shape | MemoryState>): declaration is GrowingState {
  return typeof declaration.shape === "function";
}

/** Sizes that a decoder's values in the engine have. */
export interface Room {
  batch: number;
  /** Entries of unbounded fields. */
  capacity: number;
  /** Source tokens, padding included; 0 where there is no source. */
  source: number;
}

/** Shape of a field's value in the engine. */
export function residentShape(field: StateField, { batch, capacity, source }: Room): Shape {
  if (field.kind === "finite") return [batch, ...field.shape];
  return [batch, ...field.shape(field.kind === "memory" ? source : (field.window ?? capacity))];
}

/** Whether a field's buffer has to grow with the text. */
export const isUnbounded = (field: StateField): boolean => field.kind === "growing" && field.window === undefined;

/** f32 bytes of the declared state of one sequence after `tokens` tokens, of a source of `source` tokens. */
export function usedBytes(model: Model, tokens: number, source = 0): number {
  const shapes = [...model.states.values()].map((state) =>
    !isShape(state) && "memory" in state ? state.memory(source) : stateShape(state, tokens),
  );
  return shapes.reduce((sum, shape) => sum + 4 * sizeOf(shape), 0);
}

/** f32 bytes of the values in the engine. */
export function allocatedBytes(fields: readonly StateField[], room: Room): number {
  return fields.reduce((sum, field) => sum + 4 * sizeOf(residentShape(field, room)), 0);
}
