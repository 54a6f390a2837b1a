import { z } from "zod";
import { adabelief } from "./adabelief.ts";
import { adadelta } from "./adadelta.ts";
import { adafactor } from "./adafactor.ts";
import { adagrad } from "./adagrad.ts";
import { adam } from "./adam.ts";
import { adamax } from "./adamax.ts";
import { adamw } from "./adamw.ts";
import { adan } from "./adan.ts";
import { ademamix } from "./ademamix.ts";
import { adopt } from "./adopt.ts";
import { asgd } from "./asgd.ts";
import { came } from "./came.ts";
import type { AnyOptimizer } from "./define.ts";
import { type CommonConfig, commonFields } from "./fields.ts";
import { grams } from "./grams.ts";
import { lamb } from "./lamb.ts";
import { laprop } from "./laprop.ts";
import { lars } from "./lars.ts";
import { lion } from "./lion.ts";
import { mars } from "./mars.ts";
import { momentum } from "./momentum.ts";
import { muon } from "./muon.ts";
import { nadam } from "./nadam.ts";
import { nesterov } from "./nesterov.ts";
import { prodigy } from "./prodigy.ts";
import { radam } from "./radam.ts";
import { rmsprop } from "./rmsprop.ts";
import { rprop } from "./rprop.ts";
import { scheduleFreeAdamw } from "./schedule-free-adamw.ts";
import { scheduleFreeRadam } from "./schedule-free-radam.ts";
import { scheduleFreeSgd } from "./schedule-free-sgd.ts";
import { sgd } from "./sgd.ts";
import { shampoo } from "./shampoo.ts";
import { soap } from "./soap.ts";
import { sophia } from "./sophia.ts";
import { stableAdamw } from "./stable-adamw.ts";
import { tiger } from "./tiger.ts";
import { yogi } from "./yogi.ts";

/** Every optimizer; the first is the default. */
const all = [
  adamw,
  adabelief,
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamax,
  adan,
  ademamix,
  adopt,
  asgd,
  came,
  grams,
  lamb,
  laprop,
  lars,
  lion,
  mars,
  momentum,
  muon,
  nadam,
  nesterov,
  prodigy,
  radam,
  rmsprop,
  rprop,
  scheduleFreeAdamw,
  scheduleFreeRadam,
  scheduleFreeSgd,
  sgd,
  shampoo,
  soap,
  sophia,
  stableAdamw,
  tiger,
  yogi,
] as const;

type Definition = (typeof all)[number];
export type OptimizerKind = Definition["kind"];
type ConfigOf<D> = D extends { kind: infer K; config: z.ZodType<infer C> } ? C & CommonConfig & { kind: K } : never;
type InputOf<D> = D extends { kind: infer K; config: infer Z extends z.ZodType }
  ? z.input<Z> & z.input<z.ZodObject<typeof commonFields>> & (K extends "adamw" ? { kind?: K } : { kind: K })
  : never;

/** An optimizer with every setting filled in. */
export type OptimizerConfig = ConfigOf<Definition>;
export type OptimizerInput = InputOf<Definition>;

export const optimizers: ReadonlyMap<OptimizerKind, AnyOptimizer> = new Map(
  all.map((definition) => [definition.kind, definition]),
);

const schemas = all.map(({ kind, config }, place) => {
  const literal = z.literal(kind);
  return z.strictObject({ kind: place === 0 ? literal.default(kind) : literal, ...config.shape, ...commonFields });
});

/** `{ kind, … }`: adamw where no kind is given. */
export const optimizerSchema = z.discriminatedUnion(
  "kind",
  schemas as unknown as [z.ZodObject],
) as unknown as z.ZodType<OptimizerConfig, OptimizerInput>;
