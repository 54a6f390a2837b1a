import { type LayerSpec, type PartSpec, type RoundsSpec, stagesOf, sublayersOf } from "../model/index.ts";
import { fail } from "../tensor/index.ts";
import { assertArrangement } from "./arrangement.ts";
import { nearest, showValue } from "./messages.ts";
import type { ParsedSpec } from "./schema.ts";

/** A list of layers as a person writes it: with repeats, or as a pattern of names. */
type Sugar = ParsedSpec["layers"] | NonNullable<ParsedSpec["encoder"]>["layers"];
type Pattern = Exclude<ParsedSpec["layers"], readonly unknown[]>;
type ParsedLayer = Pattern["parts"][string];
type Loop = ParsedSpec["loop"];

const mostLayers = 1000;

/** Equal layers in a row. */
interface Run {
  layer: ParsedLayer;
  count: number;
  share: boolean;
}

/** Sugar to one entry a layer, every default filled. `where` names the stack in errors. */
export function expandLayers(
  { layers, loop }: { layers: Sugar; loop?: Loop },
  { defaults, where }: { defaults: ParsedSpec["defaults"]; where: string },
): LayerSpec[] {
  const runs = runsOf(layers, where);
  const once = runs.reduce((sum, { count }) => sum + count, 0);
  const round = roundOf(loop, once, where);
  assertCount(once + (round.times - 1) * (round.end - round.start), where);
  const written = runs.flatMap(({ layer, count, share }) =>
    Array.from({ length: count }, (_, i) => ({ layer, back: share ? i : 0 })),
  );
  const own = written.map(({ layer, back }, i) => ({ layer, weights: layer.weights ?? i - back }));
  const looped = [
    ...own.slice(0, round.end),
    ...Array.from({ length: round.times - 1 }, () => own.slice(round.start, round.end)).flat(),
    // Layers behind the loop have moved, and with them the weights that they share among themselves.
    ...own.slice(round.end).map(({ layer, weights }) => ({
      layer,
      weights: weights < round.end ? weights : weights + (round.times - 1) * (round.end - round.start),
    })),
  ];
  const expanded = looped.map(({ layer, weights }, index) => canonicalLayer(layer, { defaults, index, weights }));
  expanded.forEach((layer, index) => {
    assertArrangement(layer, `${where}layers[${index}]`);
    assertWeights(expanded, index, where);
  });
  return expanded;
}

/** What a stack knows of its rounds: as they were given, or of a loop that says something of them. */
export function canonicalRounds(
  { layers, loop, rounds }: { layers: Sugar; loop?: Loop; rounds?: ParsedSpec["rounds"] },
  { expanded, where }: { expanded: readonly LayerSpec[]; where: string },
): RoundsSpec | undefined {
  const found = rounds ? (rounds as RoundsSpec) : maybeRounds(layers, loop, where);
  if (found === undefined) return undefined;
  const { start, length, times } = found;
  const reject = (expected: string, got: string) =>
    fail({ code: "E_SPEC_ROUNDS", where: `${where}rounds`, expected, got });
  if (rounds && loop) reject("either loop or rounds", "both");
  if (found.solver && times % stagesOf(found.solver) !== 0)
    reject(`times in multiples of ${stagesOf(found.solver)}, the stages of ${found.solver.method}`, String(times));
  const ways = (["discretise", "solver", "halt"] as const).filter((way) => found[way] !== undefined);
  if (ways.length > 1) reject("one of discretise, solver and halt", ways.join(" and "));
  if (start + length * times > expanded.length)
    reject(`start + length · times ≤ ${expanded.length}, the number of layers`, String(start + length * times));
  return found;
}

function maybeRounds(layers: Sugar, loop: Loop, where: string): RoundsSpec | undefined {
  if (loop === undefined || (loop.step === "none" && !loop.halt && !loop.solver && !loop.discretise)) return undefined;
  const { start, end, times } = roundOf(
    loop,
    runsOf(layers, where).reduce((sum, { count }) => sum + count, 0),
    where,
  );
  const { step, discretise, solver, halt } = loop;
  const ways = { ...(discretise && { discretise }), ...(solver && { solver }), ...(halt && { halt }) };
  return { start, length: end - start, times, step, ...ways };
}

const runsOf = (layers: Sugar, where: string): Run[] =>
  Array.isArray(layers)
    ? layers.map(({ repeat, share, ...layer }) => ({ layer, count: repeat, share }))
    : readPattern(layers as Pattern, `${where}layers`);

/** The layers [start, end) that are gone through `times` times. Throws E_SPEC_LOOP where there are none. */
function roundOf(loop: Loop, count: number, where: string): { start: number; end: number; times: number } {
  if (loop === undefined) return { start: 0, end: count, times: 1 };
  const { from, to = count - 1, times } = loop;
  const stages = loop.solver ? stagesOf(loop.solver) : 1;
  if (from <= to && to < count) return { start: from, end: to + 1, times: times * stages };
  return fail({
    code: "E_SPEC_LOOP",
    where: `${where}loop`,
    expected: `0 ≤ from ≤ to < ${count}, the number of layers`,
    got: `from ${from} to ${to}`,
  });
}

function canonicalLayer(
  layer: ParsedLayer,
  { defaults, index, weights }: { defaults: ParsedSpec["defaults"]; index: number; weights: number },
): LayerSpec {
  const wiring = layer.wiring ?? defaults.wiring;
  return {
    mixer: layer.mixer as PartSpec,
    ...(layer.cross && { cross: layer.cross as PartSpec }),
    channel: layer.channel as PartSpec,
    norm: (layer.norm ?? defaults.norm) as PartSpec,
    placement: layer.placement ?? defaults.placement,
    residual: (layer.residual ?? defaults.residual) as PartSpec,
    ...(wiring !== undefined && wiring !== "serial" && { wiring }),
    ...arrangementOf(layer),
    ...(weights !== index && { weights }),
  };
}

/** Order and sublayers, those that say anything. */
function arrangementOf({ order, sublayers, ...layer }: ParsedLayer): Pick<LayerSpec, "order" | "sublayers"> {
  const own = Object.entries(sublayers ?? {}).filter(([, options]) => Object.keys(options).length > 0);
  const usual = sublayersOf(layer as LayerSpec);
  return {
    ...(order && order.join() !== usual.join() && { order }),
    ...(own.length > 0 && { sublayers: Object.fromEntries(own) as NonNullable<LayerSpec["sublayers"]> }),
  };
}

/** Counted before they are made: a short text can ask for millions. */
function assertCount(total: number, where: string): void {
  if (total >= 1 && total <= mostLayers) return;
  fail({ code: "E_SPEC_LAYERS", where: `${where}layers`, expected: `1 to ${mostLayers} layers`, got: String(total) });
}

/** Shared weights are those of an earlier layer of the same parts that has its own. */
function assertWeights(layers: readonly LayerSpec[], index: number, where: string): void {
  const { weights, ...own } = layers[index]!;
  if (weights === undefined) return;
  const other = layers[weights];
  if (weights < index && JSON.stringify(other) === JSON.stringify(own)) return;
  fail({
    code: "E_SPEC_WEIGHTS",
    where: `${where}layers[${index}].weights`,
    expected: "the index of an earlier, equal layer that has weights of its own",
    got: String(weights),
  });
}

/** "m*7 a": names in order, `*n` repeats the one before it. Throws E_SPEC_PATTERN at the first word that is neither. */
function readPattern({ pattern, parts }: Pattern, where: string): Run[] {
  return pattern
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [, name, count = "1"] = /^([^*]+)(?:\*(\d{1,4}))?$/.exec(word) ?? [];
      const layer = name !== undefined && Object.hasOwn(parts, name) ? parts[name] : undefined;
      if (layer === undefined) return failWord(word, Object.keys(parts), where);
      return { layer, count: Number(count), share: false };
    });
}

function failWord(word: string, names: readonly string[], where: string): never {
  const near = nearest(word.replace(/\*\d*$/, ""), names);
  return fail({
    code: "E_SPEC_PATTERN",
    where: `${where}.pattern`,
    expected: `names of parts (${names.slice(0, 12).join(", ")}), each with an optional *count`,
    got: showValue(word),
    ...(near !== undefined && { hint: `Did you mean "${near}"?` }),
  });
}
