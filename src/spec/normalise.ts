import type { LayerSpec, ModelSpec, PartSpec } from "../model/index.ts";
import { fail } from "../tensor/index.ts";
import type { SpecInput } from "./input.ts";
import { nearest, showValue } from "./messages.ts";
import { parseSpec } from "./parse.ts";
import type { ParsedSpec } from "./schema.ts";

const mostLayers = 1000;

type ParsedLayer = Exclude<ParsedSpec["layers"], readonly unknown[]>["parts"][string];

/** Sugar to canonical form: layers expanded, defaults filled. The canonical form of a canonical spec is itself. */
export function normaliseSpec(spec: ParsedSpec, source: string = spec.name): ModelSpec {
  const { defaults } = spec;
  const layers = expandLayers(spec.layers, source);
  return {
    name: spec.name,
    title: spec.title ?? spec.name,
    width: spec.width,
    embedding: spec.embedding as ModelSpec["embedding"],
    layers: layers.map((layer) => canonicalLayer(layer, defaults)),
    norm: (spec.norm ?? defaults.norm) as PartSpec,
    head: spec.head as PartSpec,
    dropout: spec.dropout,
    objective: spec.objective as PartSpec,
  };
}

/** Any spec from outside to its canonical form. */
export function canonicalSpec(value: SpecInput | unknown, source?: string): ModelSpec {
  const parsed = parseSpec(value, source);
  return normaliseSpec(parsed, source ?? parsed.name);
}

function canonicalLayer(layer: ParsedLayer, defaults: ParsedSpec["defaults"]): LayerSpec {
  const wiring = layer.wiring ?? defaults.wiring;
  return {
    mixer: layer.mixer as PartSpec,
    channel: layer.channel as PartSpec,
    norm: (layer.norm ?? defaults.norm) as PartSpec,
    placement: layer.placement ?? defaults.placement,
    residual: (layer.residual ?? defaults.residual) as PartSpec,
    ...(wiring === "parallel" && { wiring }),
  };
}

type Counted = readonly { layer: ParsedLayer; count: number }[];

function expandLayers(layers: ParsedSpec["layers"], source: string): ParsedLayer[] {
  const counted = Array.isArray(layers)
    ? layers.map(({ repeat, ...layer }) => ({ layer, count: repeat }))
    : readPattern(layers, source);
  assertLayers(counted, source);
  return counted.flatMap(({ layer, count }) => Array.from({ length: count }, () => layer));
}

/** Counted before they are made: a short text can ask for millions. */
function assertLayers(counted: Counted, source: string): void {
  const total = counted.reduce((sum, { count }) => sum + count, 0);
  if (total >= 1 && total <= mostLayers) return;
  const where = `${source}: layers`;
  fail({ code: "E_SPEC_LAYERS", where, expected: `1 to ${mostLayers} layers`, got: String(total) });
}

type Pattern = Exclude<ParsedSpec["layers"], readonly unknown[]>;

/** "m*7 a": names in order, `*n` repeats the one before it. Throws E_SPEC_PATTERN at the first word that is neither. */
function readPattern({ pattern, parts }: Pattern, source: string): Counted {
  return pattern
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [, name, count = "1"] = /^([^*]+)(?:\*(\d{1,4}))?$/.exec(word) ?? [];
      const layer = name !== undefined && Object.hasOwn(parts, name) ? parts[name] : undefined;
      return layer === undefined ? failWord(word, Object.keys(parts), source) : { layer, count: Number(count) };
    });
}

function failWord(word: string, names: readonly string[], source: string): never {
  const near = nearest(word.replace(/\*\d*$/, ""), names);
  return fail({
    code: "E_SPEC_PATTERN",
    where: `${source}: layers.pattern`,
    expected: `names of parts (${names.slice(0, 12).join(", ")}), each with an optional *count`,
    got: showValue(word),
    ...(near !== undefined && { hint: `Did you mean "${near}"?` }),
  });
}
