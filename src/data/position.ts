/** Where a run stands in its data, as checkpoints hold it. */
import type { z } from "zod";
import { parseStored } from "../checkpoints/index.ts";
import { fail } from "../tensor/error.ts";

type Position = { step: number } & Record<string, number>;

/** The step of a stored record. Throws `E_BATCH_POSITION` where it was made under other settings or data than `at` tells. */
export function resumeStep<P extends Position>(schema: z.ZodType<P>, stored: unknown, at: (step: number) => P): number {
  const source = { where: "data position", code: "E_BATCH_POSITION" } as const;
  const found = parseStored(schema, stored, source);
  const expected = at(found.step);
  for (const key of Object.keys(expected)) {
    if (found[key] === expected[key]) continue;
    const hint = "Resume with the data and settings that the checkpoint was made with.";
    fail({ ...source, where: `data position.${key}`, expected: String(expected[key]), got: String(found[key]), hint });
  }
  return found.step;
}

/** Remembers two results: a batch seldom spans more epochs, and asking for an old one only costs time. */
export function lastTwo<T>(make: (key: number) => T): (key: number) => T {
  const made = new Map<number, T>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    if (made.size > 2) made.delete(made.keys().next().value!);
    return value;
  };
}
