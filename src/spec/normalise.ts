import type { LayerSpec, ModelSpec, PartSpec } from "../model/index.ts";
import { fail } from "../tensor/index.ts";
import { nearest } from "./messages.ts";
import { parseSpec } from "./parse.ts";
import type { SpecInput } from "./input.ts";
import type { ParsedSpec } from "./schema.ts";

const mostLayers = 1000;

type ParsedLayer = Exclude<ParsedSpec["layers"], readonly unknown[]>["parts"][string];

/** Sugar to canonical form: layers expanded, defaults filled. The canonical form of a canonical spec is itself. */
export function normaliseSpec(spec: ParsedSpec, source: string = spec.name): ModelSpec {
  const { defaults } = spec;
  const layers = expandLayers(spec.layers, source);
  if (layers.length > mostLayers)
    fail({
      code: "E_SPEC_LAYERS",
      where: `${source}: layers`,
      expected: `at most ${mostLayers} layers`,
      got: String(layers.length),
    });
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
  return {
    mixer: layer.mixer as PartSpec,
    channel: layer.channel as PartSpec,
    norm: (layer.norm ?? defaults.norm) as PartSpec,
    placement: layer.placement ?? defaults.placement,
    residual: (layer.residual ?? defaults.residual) as PartSpec,
  };
}

function expandLayers(layers: ParsedSpec["layers"], source: string): ParsedLayer[] {
  if (!Array.isArray(layers)) return expandPattern(layers, source);
  return layers.flatMap(({ repeat, ...layer }) => Array.from({ length: repeat }, () => layer));
}

/** "m*7 a": names in order, `*n` repeats the one before it. Throws E_SPEC_PATTERN at the first word that is neither. */
function expandPattern(
  { pattern, parts }: Exclude<ParsedSpec["layers"], readonly unknown[]>,
  source: string,
): ParsedLayer[] {
  const where = `${source}: layers.pattern`;
  const names = Object.keys(parts);
  return pattern
    .trim()
    .split(/\s+/)
    .flatMap((word) => {
      const [, name, count = "1"] = /^([^*]+)(?:\*(\d{1,4}))?$/.exec(word) ?? [];
      const layer = name !== undefined && Object.hasOwn(parts, name) ? parts[name] : undefined;
      if (layer === undefined) {
        const near = nearest(name ?? word, names);
        fail({
          code: "E_SPEC_PATTERN",
          where,
          expected: `names of parts (${names.join(", ")}), each with an optional *count`,
          got: `"${word}"`,
          ...(near && { hint: `Did you mean "${near}"?` }),
        });
      }
      return Array.from({ length: Number(count) }, () => layer);
    });
}
