import { fail, type Shape, sizeOf } from "../../tensor/index.ts";

const floatsPerVector = 4;

/** A parameter as the worker knows it: the rule by its place in the trainer's list. */
export interface ArenaParameter {
  name: string;
  shape: Shape;
  value: Float32Array;
  scalars: Readonly<Record<string, number>>;
  rule: number;
  slots: Readonly<Record<string, Shape>>;
}

/** A run of parameters with one rule and equal group scalars, contiguous in every region. */
export interface Group {
  rule: number;
  scalars: Readonly<Record<string, number>>;
  members: readonly ArenaParameter[];
  /** First float among the parameters (or, from their start, among the gradients), and floats with padding. */
  start: number;
  length: number;
}

/** Where floats lie: parameters, then gradients (`region` floats each, in the same order), then each group's slots. */
export interface Layout {
  groups: readonly Group[];
  region: number;
  floats: number;
  /** First float of a parameter's slot, or of the parameter itself (slot undefined). Throws E_SLOT where it has none. */
  place(name: string, slot?: string): { start: number; length: number };
  has(name: string, slot: string): boolean;
}

export function layOut(parameters: readonly ArenaParameter[]): Layout {
  const places = new Map<string, { start: number; length: number }>();
  let floats = 0;
  const reserve = (key: string, size: number) => {
    places.set(key, { start: floats, length: size });
    floats += Math.ceil(size / floatsPerVector) * floatsPerVector;
  };
  const groups = [...groupBy(parameters, ({ rule, scalars }) => JSON.stringify([rule, scalars])).values()].map(
    (members) => {
      const start = floats;
      for (const { name, shape } of members) reserve(keyOf(name), sizeOf(shape));
      return { rule: members[0]!.rule, scalars: members[0]!.scalars, members, start, length: floats - start };
    },
  );
  const region = floats;
  floats *= 2;
  for (const { members } of groups)
    for (const slot of new Set(members.flatMap(({ slots }) => Object.keys(slots))))
      for (const { name, slots } of members) if (slots[slot]) reserve(keyOf(name, slot), sizeOf(slots[slot]));
  const place = (name: string, slot?: string) => places.get(keyOf(name, slot)) ?? noSlot(name, slot);
  return { groups, region, floats, place, has: (name, slot) => places.has(keyOf(name, slot)) };
}

const keyOf = (name: string, slot?: string) => JSON.stringify([name, slot]);

function noSlot(name: string, slot: string | undefined): never {
  fail({ code: "E_SLOT", where: "trainer", expected: `a slot of ${name}`, got: String(slot) });
}

/** `Map.groupBy`, which Node 20 lacks. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
