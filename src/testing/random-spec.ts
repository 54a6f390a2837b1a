/**
 * Specs drawn at random: any mixer, channel mixer, norm, placement, residual, position scheme, wiring and head, with options
 * as their schemas allow, at sizes that train in a blink. What parts refuse together is drawn again.
 */
import { z } from "zod";
import { type Family, families } from "../blocks/index.ts";
import { type ModelSpec, placements, wirings } from "../model/index.ts";
import type { Rng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, slotKinds } from "../spec/index.ts";
import { SeqlabError } from "../tensor/index.ts";

/** What a JSON Schema says of one option, as far as draws need it. */
interface OptionSchema {
  type?: string;
  const?: unknown;
  enum?: readonly unknown[];
  default?: unknown;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  oneOf?: readonly OptionSchema[];
  anyOf?: readonly OptionSchema[];
  properties?: Readonly<Record<string, OptionSchema>>;
}

type Options = Record<string, unknown>;

const width = 16;
/** Ids of the tokenizer that random specs are built for. */
export const randomTokens = 11;
/** Tokens of the sequences that random specs are defined for, at least. */
export const randomLength = 32;
const attempts = 60;
/** Of pictures, whose cells are the tokens of a trial. */
const grid = [4, 4];

/** With what a person sets of each; the others keep their defaults. */
const objectives = {
  "next-token": {},
  "masked-diffusion": {},
  d3pm: { times: 8 },
  "sequence-to-sequence": {},
  "span-corruption": { sentinels: 4 },
  denoising: { noise: ["delete"] },
  "masked-lm": {},
  classification: {},
  regression: {},
} as const;
const paired: readonly Objective[] = ["sequence-to-sequence", "span-corruption", "denoising"];
const causal: readonly Objective[] = ["next-token", "sequence-to-sequence"];
const wholes: readonly Objective[] = ["classification", "regression"];

const pick = <T>(rng: Rng, items: readonly T[]): T => items[rng.below(items.length)]!;
const chance = (rng: Rng, prob: number): boolean => rng.uniform() < prob;

type Objective = keyof typeof objectives;

/** A legal spec, canonical: a plain one, changed step by step into one that is still legal. The same stream gives the same spec. */
export function randomSpec(rng: Rng): ModelSpec {
  const objective = pick(rng, Object.keys(objectives) as Objective[]);
  const changes = [...stackChanges(objective), ...layerChanges(1 + rng.below(2), objective)];
  const spec = changes.reduce<Options>((before, change, i) => changed(before, change, rng.fork(i)), plain(objective));
  return canonicalSpec(spec);
}

type Change = (spec: Options, rng: Rng) => Options;

/** The first of several draws of a change that leaves the spec legal; without one, the spec as it was. */
function changed(spec: Options, change: Change, rng: Rng): Options {
  for (let i = 0; i < attempts; i++) {
    const next = change(spec, rng.fork(i));
    if (isLegal(next)) return next;
  }
  return spec;
}

/** Whether a spec is not refused with a clear error. */
function isLegal(spec: Options): boolean {
  try {
    buildSpec(canonicalSpec(spec), { tokens: randomTokens });
    return true;
  } catch (error) {
    if (error instanceof SeqlabError) return false;
    throw error;
  }
}

const both = { kind: "attention", heads: 2, causal: false };

function plain(objective: Objective): Options {
  const mixer = objective.startsWith("masked") || objective === "d3pm" ? both : { kind: "gru" };
  const reads = paired.includes(objective);
  const layer = { mixer, ...(reads && { cross: { kind: "cross-attention", heads: 2 } }) };
  return {
    ...{ name: "random", width, objective: { kind: objective, ...objectives[objective] }, layers: [layer] },
    ...(reads && { encoder: { layers: [{ mixer: both }] } }),
    ...(wholes.includes(objective) && { head: { kind: "classes" } }),
  };
}

const inDefaults =
  (change: (rng: Rng) => Options): Change =>
  (spec, rng) => ({ ...spec, defaults: { ...(spec["defaults"] as Options), ...change(rng) } });

/** What concerns the whole stack. */
function stackChanges(objective: Objective): Change[] {
  const heads = wholes.includes(objective) ? ["classes"] : ["lm"];
  return [
    inDefaults((rng) => ({ norm: part(rng, "norms") })),
    inDefaults((rng) => ({ residual: part(rng, "residuals") })),
    inDefaults((rng) => ({ placement: pick(rng, placements), wiring: pick(rng, wirings) })),
    (spec, rng) => ({ ...spec, embedding: { ...read(rng, objective), positions: positions(rng) } }),
    (spec, rng) => ({ ...spec, ...several(rng) }),
    (spec, rng) => ({ ...spec, ...(chance(rng, 0.2) && { loop: loop(rng) }) }),
    (spec, rng) => ({ ...spec, head: part(rng, "heads", heads), dropout: pick(rng, [0, 0.1]) }),
    (spec, rng) => ({ ...spec, ...(causal.includes(objective) && chance(rng, 0.3) && { heads: [aheadHead(rng)] }) }),
  ];
}

/** What is read: ids, or, where whole sequences are judged, also features or pictures. */
function read(rng: Rng, objective: Objective): Options {
  if (!wholes.includes(objective) || chance(rng, 0.5)) return { kind: "token" };
  return { kind: "features", size: 3, ...pick(rng, [{}, { grid }, { grid, kernel: 3 }, { classToken: true }]) };
}

const aheadHead = (rng: Rng): Options => ({
  head: { kind: "lm", ...pick(rng, [{ tied: false }, { transform: true }]) },
  ahead: 2 + rng.below(3),
});

/** Several streams, or something of earlier layers, or neither. */
function several(rng: Rng): Options {
  const way = rng.below(6);
  return way === 0 ? { streams: part(rng, "streams") } : way === 1 ? { history: part(rng, "histories") } : {};
}

const loop = (rng: Rng): Options => ({
  times: 2,
  ...(chance(rng, 0.5) && { step: pick(rng, ["sinusoidal", "positions"]) }),
  ...(chance(rng, 0.5) && { halt: { threshold: 0.9 } }),
});

/** One layer after another: a new one in the place of the plain one, or on top. */
function layerChanges(count: number, objective: Objective): Change[] {
  const fresh = (rng: Rng): Options => ({
    mixer: part(rng, "mixers", slotKinds["mixer"]),
    ...(paired.includes(objective) && { cross: part(rng, "mixers", slotKinds["cross"]) }),
    ...(chance(rng, 0.8) && { channel: part(rng, "channels") }),
    ...(chance(rng, 0.25) && arrangement(rng, paired.includes(objective))),
    ...(chance(rng, 0.2) && { repeat: 2, share: true }),
  });
  const on = Array.from(
    { length: count },
    (_, index): Change =>
      (spec, rng) => {
        const below = (spec["layers"] as Options[]).slice(0, index);
        return { ...spec, layers: [...below, fresh(rng)] };
      },
  );
  const encoder: Change = (spec, rng) => {
    const { cross: _, order: _o, sublayers: _s, ...layer } = fresh(rng);
    return { ...spec, encoder: { layers: [layer] } };
  };
  return paired.includes(objective) ? [...on, encoder] : on;
}

/** The usual sublayers and a further one in any order. */
function arrangement(rng: Rng, cross: boolean): Options {
  const more = chance(rng, 0.5)
    ? { channel: part(rng, "channels") }
    : { mixer: part(rng, "mixers", slotKinds["mixer"]) };
  const own = { ...(chance(rng, 0.5) && { residual: part(rng, "residuals"), placement: pick(rng, placements) }) };
  const names = ["mixer", "channel", "more", ...(cross ? ["cross"] : [])];
  const order = Array.from(rng.permutation(names.length), (i) => names[i]!);
  return { order, sublayers: { more: { ...more, ...own } }, channel: part(rng, "channels") };
}

const positions = (rng: Rng): Options =>
  part(
    rng,
    "positions",
    Object.keys(families.positions).filter((kind) => families.positions[kind]!.embed || kind === "none"),
  );

/** One of a family's components with some of its options drawn. */
function part(rng: Rng, family: Family, kinds: readonly string[] = Object.keys(families[family])): Options {
  const kind = pick(rng, kinds);
  const schema = z.toJSONSchema(families[family][kind]!.config, { io: "input" }) as OptionSchema;
  return { kind, ...options(rng, schema) };
}

/** Options of an object; those that are left out keep their default, unless that is too large here. */
function options(rng: Rng, { properties = {} }: OptionSchema): Options {
  const drawn = Object.entries(properties).map(([key, schema]) => [key, option(rng, key, schema)]);
  return Object.fromEntries(drawn.filter(([, value]) => value !== undefined));
}

/** Sizes that lengths must not exceed. */
const lengths = ["maxTokens", "max"];

function option(rng: Rng, key: string, schema: OptionSchema): unknown {
  if ("const" in schema) return schema.const;
  if (lengths.includes(key)) return randomLength;
  const large = schema.type === "integer" && typeof schema.default === "number" && schema.default > 8;
  if (!large && chance(rng, 0.7)) return undefined;
  if (schema.enum) return pick(rng, schema.enum);
  if (schema.type === "boolean") return chance(rng, 0.5);
  if (schema.type === "integer") return wholeNumber(rng, schema);
  const members = schema.oneOf ?? schema.anyOf;
  if (members) return option(rng, key, pick(rng, members));
  return schema.type === "object" ? options(rng, schema) : undefined;
}

/** A small one within bounds, powers of two foremost: they divide each other. */
function wholeNumber(rng: Rng, { minimum = 0, exclusiveMinimum = -1, maximum = 8 }: OptionSchema): number {
  return Math.min(maximum, Math.max(minimum, exclusiveMinimum + 1, pick(rng, [1, 2, 2, 4, 4, 8, 8, 3])));
}
