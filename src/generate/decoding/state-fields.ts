import type { GrowingState, StateDeclaration } from "../../blocks/index.ts";
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

/** One field of a model's state as it lives in an engine, with the batch axis in front. */
export type StateField = FiniteField | GrowingField;

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

function layout(declaration: StateDeclaration): Omit<FiniteField, keyof Field> | Omit<GrowingField, keyof Field> {
  if (isShape(declaration)) return { kind: "finite", shape: declaration, start: 0 };
  if (isGrowing(declaration))
    return { kind: "growing", shape: declaration.shape, axis: declaration.axis + 1, window: declaration.window };
  return { kind: "finite", shape: declaration.shape, start: declaration.start ?? 0 };
}

function isGrowing(declaration: Exclude<StateDeclaration, Shape>): declaration is GrowingState {
  return typeof declaration.shape === "function";
}

/** Shape of the value in the engine where unbounded fields have room for `capacity` entries. */
export function residentShape(field: StateField, { batch, capacity }: { batch: number; capacity: number }): Shape {
  return [batch, ...(field.kind === "finite" ? field.shape : field.shape(field.window ?? capacity))];
}

/** Whether a field's buffer has to grow with the text. */
export const isUnbounded = (field: StateField): boolean => field.kind === "growing" && field.window === undefined;

/** f32 bytes of the declared state of one sequence after `tokens` tokens. */
export function usedBytes(model: Model, tokens: number): number {
  return [...model.states.values()].reduce((sum, declaration) => sum + 4 * sizeOf(stateShape(declaration, tokens)), 0);
}

/** f32 bytes of the values in the engine. */
export function allocatedBytes(fields: readonly StateField[], size: { batch: number; capacity: number }): number {
  return fields.reduce((sum, field) => sum + 4 * sizeOf(residentShape(field, size)), 0);
}
