import type { z } from "zod";
import type { Citation } from "../../blocks/index.ts";

/** Where a run is. */
export interface ScheduleContext<C> {
  c: C;
  /** The step, counted from the config's `firstStep`. */
  i: number;
  /** Steps of the whole run. */
  steps: number;
}

/** A learning-rate schedule, declared once: a pure function of the step. */
export interface ScheduleDefinition<K extends string, Z extends z.ZodObject> {
  /** As in configs; equals the file's name. */
  kind: K;
  title: string;
  cite?: Citation;
  /** A strict object with `firstStep`. */
  config: Z;
  /** Factor of the peak learning rate. */
  factor(at: ScheduleContext<z.output<Z>>): number;
}

/** Any of them, for code that handles all. */
export type AnySchedule = ScheduleDefinition<string, z.ZodObject>;

/** Returns its argument with its own type, so that `factor` sees the declared config. */
export const defineSchedule = <const K extends string, Z extends z.ZodObject>(
  definition: ScheduleDefinition<K, Z>,
): ScheduleDefinition<K, Z> => definition;
