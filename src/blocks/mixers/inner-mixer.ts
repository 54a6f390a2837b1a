/** Mixers inside mixers: which there are, what several of them promise together, and how one is run under its outer one's names. */
import { z } from "zod";
import { fail, type Tensor } from "../../tensor/index.ts";
import type { AuxiliaryLoss, Capabilities, Io, Mixer, Result, StateDeclaration } from "../define.ts";
import { erase } from "../erased.ts";
import { mixers } from "../generated/inner-mixers.ts";
import { nest, unnest } from "../nesting.ts";
import type { ParameterDeclaration } from "../weights/declare.ts";
import type { Weight } from "../weights/use.ts";

const registry = erase<"mixers">(mixers);

/** A mixer's kind and options, as they stand in a layer. */
export interface MixerChoice {
  readonly kind: string;
  readonly [option: string]: unknown;
}

const readsMemory = ({ reads }: Mixer) => reads?.includes("memory") === true;
const members = Object.values(registry)
  .filter((mixer) => !readsMemory(mixer))
  .map(({ kind, title, config }) =>
    (config as unknown as z.ZodObject).extend({ kind: z.literal(kind).describe(title) }),
  );

/** Any mixer that holds none itself and reads no memory. */
export const innerMixer = z.discriminatedUnion(
  "kind",
  members as unknown as [z.ZodObject<{ kind: z.ZodLiteral<string> }>],
);

/** An option that holds a mixer, as the config's type sees it. */
export const asChoice = (schema: z.ZodType): z.ZodType<MixerChoice> => schema as z.ZodType<MixerChoice>;

export const mixerOf = ({ kind }: MixerChoice): Mixer => registry[kind]!;
export const optionsOf = ({ kind: _, ...options }: MixerChoice): Record<string, unknown> => options;

export function promisesOf(choice: MixerChoice): Capabilities {
  const { capabilities } = mixerOf(choice);
  return typeof capabilities === "function" ? capabilities(optionsOf(choice)) : capabilities;
}

/** Each promise from the strongest to the weakest. */
const strengths = {
  flow: ["both", "causal", "causal-values-only", "bidirectional"],
  state: ["finite", "growing", "none"],
  length: ["any", "max", "fixed"],
  batch: ["independent", "coupled in training", "coupled"],
  smooth: ["everywhere", "away from ties", "surrogate"],
  exact: ["bitwise", "rounding"],
} as const satisfies { readonly [K in keyof Capabilities]: readonly Capabilities[K][] };

/** What mixers side by side promise: of each promise the weakest. */
function promisedByAll(all: readonly Capabilities[]): Capabilities {
  const weakest = Object.entries(strengths).map(([name, order]) => {
    const given = all.map((promises) => promises[name as keyof Capabilities]);
    return [name, (order as readonly string[]).findLast((promise) => given.includes(promise as never))];
  });
  return Object.fromEntries(weakest) as unknown as Capabilities;
}

/** What mixers side by side may be given; those that read memory are not among them. */
const innerReads = ["ids_BT", "mask_BT", "positions_BT", "dt_BT", "segments_BT", "cond_BTD", "grid"] as const;

/** What a mixer cannot work without. */
function needsOfInner(choice: MixerChoice): readonly (typeof innerReads)[number][] {
  const { needs, reads = [] } = mixerOf(choice);
  const needed = needs?.(optionsOf(choice)) ?? reads.filter((field) => field === "ids_BT" || field === "cond_BTD");
  return innerReads.filter((field) => needed.includes(field));
}

interface Named {
  /** Prefix of everything of this one: parameters, states, buffers, draws, losses. */
  name: string;
  choice: MixerChoice;
  /** Its sizes. */
  d: Record<string, unknown>;
}

/**
 * Sizes of a mixer in another. Throws E_INNER_MIXER where it takes values of earlier layers, which reach only the outer one, or
 * makes another width or grid of the stream.
 */
export function innerDims(choice: MixerChoice, { width, where }: { width: number; where: string }) {
  const { takes, reshapes, dims } = mixerOf(choice);
  const refuse = (got: string) =>
    fail({
      code: "E_INNER_MIXER",
      where,
      expected: "a mixer that works by itself and keeps the stream's width and grid",
      got: `${choice.kind}, which ${got}`,
      hint: "Leave out the option that asks for it.",
    });
  const taken = takes?.(optionsOf(choice)) ?? [];
  if (taken.length > 0) refuse(`takes ${taken.join(", ")} from an earlier layer`);
  if (reshapes?.(optionsOf(choice), width)) refuse("changes them");
  return dims(optionsOf(choice), width);
}

const under =
  <T>(declare: (named: Named) => Record<string, T>) =>
  (all: readonly Named[]): Record<string, T> =>
    Object.assign({}, ...all.map((named) => nest(named.name, declare(named))));

export const innerParams = under<ParameterDeclaration>(({ choice, d }) => mixerOf(choice).params(d, optionsOf(choice)));
const innerStates = under<StateDeclaration>(({ choice, d }) => mixerOf(choice).state(d, optionsOf(choice)));
const innerBuffers = under<readonly number[]>(({ choice, d }) => mixerOf(choice).buffers?.(d, optionsOf(choice)) ?? {});

interface Outer {
  p: Readonly<Record<string, Weight>>;
  b: Readonly<Record<string, Tensor>>;
  s: Readonly<Record<string, Tensor | undefined>>;
  io: Io;
}

/** What a mixer made of others gets in either form. */
export interface OuterContext<C> extends Outer {
  c: C;
  d: Record<string, unknown>;
}

type Form = "forward" | "step";

interface Outermost<C> {
  choicesOf: (c: C) => readonly MixerChoice[];
  partsOf: (d: Record<string, unknown>, c: C) => readonly Named[];
  run: (x: Tensor, at: OuterContext<C>, form: Form) => Result<never>;
}

/** The fields that a mixer made of others declares as they do; a way of its own to run them is all that it adds. */
export function madeOf<C>({ choicesOf, partsOf, run }: Outermost<C>) {
  const promises = (c: C) => promisedByAll(choicesOf(c).map(promisesOf));
  return {
    reads: innerReads,
    needs: (c: C) => innerReads.filter((field) => choicesOf(c).some((choice) => needsOfInner(choice).includes(field))),
    capabilities: promises,
    buffers: (d: Record<string, unknown>, c: C) => innerBuffers(partsOf(d, c)),
    state: (d: Record<string, unknown>, c: C) => (promises(c).state === "none" ? {} : innerStates(partsOf(d, c))),
    forward: (x_BTD: Tensor, at: OuterContext<C>) => run(x_BTD, at, "forward"),
    step: (x_BD: Tensor, at: OuterContext<C>) => run(x_BD, at, "step"),
  };
}

/** Runs one of them in its form over [B, T, D] or [B, D]; all it returns is named under its prefix. */
export function runInner({ name, choice, d }: Named, x: Tensor, outer: Outer & { form: Form }): Result<never> {
  const { p, b, s, io, form } = outer;
  const at = {
    ...{ c: optionsOf(choice), d, p: unnest(name, p), b: unnest(name, b), s: unnest(name, s) },
    io: { ...io, rng: (label: string) => io.rng(`${name}.${label}`) },
  };
  const mixer = mixerOf(choice);
  const result = form === "forward" ? mixer.forward(x, at) : mixer.step!(x, at as never);
  const losses: AuxiliaryLoss[] = (result.losses ?? []).map((loss) => ({ ...loss, name: `${name}.${loss.name}` }));
  return {
    y: result.y,
    s: nest(name, result.s as Readonly<Record<string, Tensor>>) as Result<never>["s"],
    losses,
    buffers: nest(name, result.buffers ?? {}),
    probes: nest(name, result.probes ?? {}),
  };
}

/** What several mixers gave, as one result with this output: states only where all of them decode. */
export function joined(y: Tensor, results: readonly Result<never>[], choices: readonly MixerChoice[]): Result<never> {
  const all = <T>(field: (result: Result<never>) => T | undefined): T =>
    Object.assign({}, ...results.map(field)) as unknown as T;
  const decodes = choices.every((choice) => promisesOf(choice).state !== "none");
  return {
    y,
    s: decodes ? all(({ s }) => s) : ({} as Result<never>["s"]),
    losses: results.flatMap(({ losses }) => losses ?? []),
    buffers: all(({ buffers }) => buffers) ?? {},
    probes: all(({ probes }) => probes) ?? {},
  };
}
