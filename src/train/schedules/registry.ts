import { z } from "zod";
import { constant } from "./constant.ts";
import { cosine } from "./cosine.ts";
import { cosineRestarts } from "./cosine-restarts.ts";
import { cyclic } from "./cyclic.ts";
import type { AnySchedule } from "./define.ts";
import { exponential } from "./exponential.ts";
import { inverseSqrt } from "./inverse-sqrt.ts";
import { linear } from "./linear.ts";
import { multistep } from "./multistep.ts";
import { noam } from "./noam.ts";
import { oneCycle } from "./one-cycle.ts";
import { polynomial } from "./polynomial.ts";
import { step } from "./step.ts";
import { warmupStableDecay } from "./warmup-stable-decay.ts";

/** Every schedule; the first is the default. */
const all = [
  cosine,
  constant,
  cosineRestarts,
  cyclic,
  exponential,
  inverseSqrt,
  linear,
  multistep,
  noam,
  oneCycle,
  polynomial,
  step,
  warmupStableDecay,
] as const;

type Definition = (typeof all)[number];
export type ScheduleKind = Definition["kind"];
type ConfigOf<D> = D extends { kind: infer K; config: z.ZodType<infer C> } ? C & { kind: K } : never;
type InputOf<D> = D extends { kind: infer K; config: infer Z extends z.ZodType }
  ? z.input<Z> & (K extends "cosine" ? { kind?: K } : { kind: K })
  : never;

/** A schedule with every setting filled in. */
export type ScheduleConfig = ConfigOf<Definition>;
export type ScheduleInput = InputOf<Definition>;

export const schedules: ReadonlyMap<ScheduleKind, AnySchedule> = new Map(
  all.map((definition) => [definition.kind, definition as AnySchedule]),
);

const schemas = all.map(({ kind, config }, place) => {
  const literal = z.literal(kind);
  return z.strictObject({ kind: place === 0 ? literal.default(kind) : literal, ...config.shape });
});

/** `{ kind, … }`: cosine where no kind is given. */
export const scheduleSchema = z.discriminatedUnion("kind", schemas as unknown as [z.ZodObject]) as unknown as z.ZodType<
  ScheduleConfig,
  ScheduleInput
>;

/** Factor of the peak learning rate at step 0 … steps − 1. */
export const scheduleFactor = (c: ScheduleConfig, step: number, steps: number): number =>
  schedules.get(c.kind)!.factor({ c: c as never, i: step + c.firstStep, steps });
