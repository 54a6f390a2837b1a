import type { GrowingState, StateDeclaration } from "../blocks/index.ts";
import { concat, constant, full, type Shape, type Tensor } from "../tensor/index.ts";
import { randomNormal } from "./arrays.ts";

type States = Readonly<Record<string, StateDeclaration>>;

/** A mixer's state as an engine holds it while decoding: constant fields, and buffers with room for more tokens. */
export interface Decoding {
  /** Absent before the first token. */
  fields: Readonly<Record<string, Tensor>>;
  /** Tokens seen so far, per sequence. */
  tokens: readonly number[];
}

export function isGrowing(declaration: StateDeclaration): declaration is GrowingState {
  return !Array.isArray(declaration) && typeof (declaration as { shape: unknown }).shape === "function";
}

/** Shape of one field per sequence when its buffer holds `tokens` entries. */
export function fieldShape(declaration: StateDeclaration, tokens: number): Shape {
  if (isGrowing(declaration)) return declaration.shape(Math.min(tokens, declaration.window ?? tokens));
  return "shape" in declaration ? (declaration.shape as Shape) : (declaration as Shape);
}

/** The declared value before the first token. */
function startOf(declaration: StateDeclaration, batch: number, capacity: number): Tensor {
  if (isGrowing(declaration)) return emptyBuffer(declaration, batch, capacity);
  const value = "start" in declaration ? (declaration.start ?? 0) : 0;
  return full([batch, ...fieldShape(declaration, 0)], value);
}

/** A buffer before anything is written: large numbers, because entries beyond the length are garbage that must not show. */
function emptyBuffer({ shape, window }: GrowingState, batch: number, capacity: number): Tensor {
  const garbage = randomNormal("garbage", [batch, ...shape(window ?? capacity)], 1e3);
  return constant(garbage.data, garbage.shape);
}

/** The state before the first token, complete as `step` wants it. */
export function startDecoding(states: States, { batch, capacity }: { batch: number; capacity: number }): Decoding {
  const fields = Object.entries(states).map(([name, declaration]) => [name, startOf(declaration, batch, capacity)]);
  return { fields: Object.fromEntries(fields), tokens: new Array<number>(batch).fill(0) };
}

/** The state of sequences that have seen `tokens` tokens: constant fields, and the kept entries of growing ones in order. */
export function resumeDecoding(
  states: States,
  { entries, tokens, capacity }: { entries: Readonly<Record<string, Tensor>>; tokens: number; capacity: number },
): Decoding {
  const fields = Object.entries(states).map(([name, declaration]) => {
    const field = entries[name]!;
    if (!isGrowing(declaration)) return [name, field];
    const kept = field.dim(axisOf(declaration));
    const buffer = emptyBuffer(declaration, field.dim(0), capacity);
    return [name, write(buffer, field, { declaration, from: tokens - kept, count: kept })];
  });
  const batch = Object.values(entries)[0]?.dim(0) ?? 0;
  return { fields: Object.fromEntries(fields), tokens: new Array<number>(batch).fill(tokens) };
}

/** Takes in what `forward` or `step` returned for `counts[b]` tokens of each sequence; entries beyond are padding. */
export function advance(
  states: States,
  before: Decoding,
  s: Readonly<Record<string, Tensor>>,
  counts: readonly number[],
): Decoding {
  const fields = Object.entries(states).map(([name, declaration]) => {
    if (!isGrowing(declaration)) return [name, s[name]!];
    const rows = counts.map((count, b) => {
      const [buffer, entries] = [before.fields[name]!.slice(0, b, b + 1), s[name]!.slice(0, b, b + 1)];
      return write(buffer, entries, { declaration, from: before.tokens[b]!, count });
    });
    return [name, concat(0, rows)];
  });
  return { fields: Object.fromEntries(fields), tokens: before.tokens.map((length, b) => length + counts[b]!) };
}

/** A field of one sequence [1, ...]: constant, or the kept entries in the order of time. */
export function fieldOf(declaration: StateDeclaration, { fields, tokens }: Decoding, name: string, b: number): Tensor {
  const row = fields[name]!.slice(0, b, b + 1);
  if (!isGrowing(declaration)) return row;
  const length = tokens[b]!;
  const kept = Math.min(length, declaration.window ?? length);
  const slots = Array.from({ length: kept }, (_, i) => slotOf(declaration, length - kept + i));
  return row.gather(axisOf(declaration), constant(slots, [kept], "i32"));
}

/** Entry i of `entries` becomes token `from + i`; of several that fall on one slot of a ring, the last stays. */
function write(
  buffer: Tensor,
  entries: Tensor,
  { declaration, from, count }: { declaration: GrowingState; from: number; count: number },
): Tensor {
  const axis = axisOf(declaration);
  const capacity = buffer.dim(axis);
  const source = Array.from({ length: capacity }, (_, slot) => slot);
  for (let i = 0; i < count; i++) source[slotOf(declaration, from + i)] = capacity + i;
  return concat(axis, [buffer, entries]).gather(axis, constant(source, [capacity], "i32"));
}

const axisOf = ({ axis }: GrowingState) => (axis < 0 ? axis : axis + 1);
const slotOf = ({ window }: GrowingState, token: number) => (window === undefined ? token : token % window);
