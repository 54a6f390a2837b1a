import type { Io } from "../../blocks/index.ts";
import type { Model } from "../../model/index.ts";
import { constant, full, input, iota, type Program, type Tensor } from "../../tensor/index.ts";
import { evaluationIo, inputSource } from "../../train/index.ts";
import { isUnbounded, type Room, residentShape, type StateField } from "./state-fields.ts";
import { intoWindow } from "./window.ts";

/** What the programs of one decoder have in common. */
export interface Decoded {
  model: Model;
  fields: readonly StateField[];
  batch: number;
}

/** Output of the next value, or the new entries, of a state. */
export const stateOutput = (path: string): string => `state:${path}`;

/** Sizes of the values that a program finds in the engine. */
export type Held = Omit<Room, "batch">;

const stateInputs = ({ fields, batch }: Decoded, held: Held): Record<string, Tensor> =>
  Object.fromEntries(
    fields.map((field) => [field.path, input(field.resident, residentShape(field, { batch, ...held }))]),
  );

/** The mask of a source whose lengths are the input `source.length` (i32 [B]), S slots. */
const sourceMask = ({ batch }: Decoded, slots: number): Tensor =>
  iota(slots)
    .unsqueeze(0)
    .less(input("source.length", [batch], "i32").unsqueeze(1));

const stateOutputs = (state: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(state).map(([path, value]) => [stateOutput(path), value]));

export interface PrefillShape {
  /** T. */
  length: number;
  /** Whether some sequences are padded; the input `count` then tells their lengths. */
  padded: boolean;
  /** Entries of the states so far, or undefined before the first token. */
  behind: number | undefined;
  /** Entries that buffers have room for afterwards. */
  capacity: number;
  /** S, slots of the source; 0 where the model reads none. */
  source: number;
}

/**
 * Reads T tokens: inputs `ids` i32 [B, T]; `count` i32 [B], real tokens of each row, where padded; `length` i32 [B], tokens
 * before, where there are any; where the model reads a source, `source.length` i32 [B] and, before the first token,
 * `source` i32 [B, S]. Outputs `logits` [B, C] of the last real token and the states: whole values, but only the new
 * entries for unbounded buffers that exist already.
 */
export function prefillProgram(decoded: Decoded, shape: PrefillShape): Program {
  const { model, batch } = decoded;
  const { length: T, behind } = shape;
  const count_B = shape.padded ? input("count", [batch], "i32") : full([batch], T, "i32");
  const length_B = behind === undefined ? undefined : input("length", [batch], "i32");
  const before = behind === undefined ? undefined : stateInputs(decoded, { capacity: behind, source: shape.source });
  const mask_BS = shape.source === 0 ? undefined : sourceMask(decoded, shape.source);
  const { logits, state } = model.forward(input("ids", [batch, T], "i32"), {
    source: inputSource(),
    io: {
      ...prefillIo(model, { T, count_B, length_B, padded: shape.padded }),
      ...(mask_BS && { memory: { mask_BS } }),
    },
    read_BR: count_B.sub(1).maximum(0).unsqueeze(1),
    ...(before && { state: before }),
    ...(mask_BS && !before && { from: { ids_BS: input("source", [batch, shape.source], "i32"), mask_BS } }),
  });
  const next = decoded.fields.map((field) => [
    field.path,
    settled(field, state[field.path]!, { count_B, length_B, held: before?.[field.path], capacity: shape.capacity }),
  ]);
  return {
    outputs: { logits: logits.squeeze(1), ...stateOutputs(Object.fromEntries(next) as Record<string, Tensor>) },
  };
}

function prefillIo(
  model: Model,
  { T, count_B, length_B, padded }: { T: number; count_B: Tensor; length_B: Tensor | undefined; padded: boolean },
): Io {
  const along_1T = iota(T).unsqueeze(0);
  const positions_BT = length_B ? along_1T.add(length_B.unsqueeze(1)) : along_1T.expand([count_B.dim(0), T]);
  return {
    ...evaluationIo(),
    ...(length_B && { length_B }),
    ...(padded && { mask_BT: along_1T.less(count_B.unsqueeze(1)) }),
    // Padding may stand beyond the last position that is defined.
    ...(Number.isFinite(model.limit) && { positions_BT: positions_BT.minimum(model.limit - 1) }),
  };
}

interface Settling {
  count_B: Tensor;
  length_B: Tensor | undefined;
  held: Tensor | undefined;
  capacity: number;
}

/** A state after a piece, as it is kept in the engine (or the new entries, which the engine appends). */
function settled(field: StateField, value: Tensor, { count_B, length_B, held, capacity }: Settling): Tensor {
  if (field.kind !== "growing") return value;
  if (field.window !== undefined)
    return intoWindow(value, {
      axis: field.axis,
      window: field.window,
      count_B,
      length_B: length_B ?? constant([0], [1], "i32"),
      held,
    });
  return held ? value : value.pad(field.axis, 0, capacity - value.dim(field.axis));
}

/** Reads one token: inputs `ids` and `length` i32 [B]; outputs `logits` [B, C], next finite states, new entries of growing ones. */
export function stepProgram(decoded: Decoded, held: Held): Program {
  const ids_B = input("ids", [decoded.batch], "i32");
  const io = {
    ...evaluationIo(),
    length_B: input("length", [decoded.batch], "i32"),
    ...(held.source > 0 && { memory: { mask_BS: sourceMask(decoded, held.source) } }),
  };
  const { logits, state } = decoded.model.step(ids_B, {
    source: inputSource(),
    io,
    state: stateInputs(decoded, held),
  });
  const changed = decoded.fields.filter(({ kind }) => kind !== "memory").map(({ path }) => [path, state[path]!]);
  return { outputs: { logits, ...stateOutputs(Object.fromEntries(changed)) } };
}

/** Unbounded buffers with room for `to` entries instead of `from`. */
export function growProgram({ fields, batch }: Decoded, { from, to }: { from: number; to: number }): Program {
  const growing = fields.filter(isUnbounded).map((field) => {
    const buffer = input(field.resident, residentShape(field, { batch, capacity: from, source: 0 }));
    return [field.path, buffer.pad(field.kind === "growing" ? field.axis : 0, 0, to - from)] as const;
  });
  return { outputs: stateOutputs(Object.fromEntries(growing)) };
}

/** All states with row b taken from row `rows`[b] (i32 [B]). */
export function reorderProgram(decoded: Decoded, held: Held): Program {
  const rows_B = input("rows", [decoded.batch], "i32");
  const states = Object.entries(stateInputs(decoded, held)).map(
    ([path, value]) => [path, value.gather(0, rows_B)] as const,
  );
  return { outputs: stateOutputs(Object.fromEntries(states)) };
}
