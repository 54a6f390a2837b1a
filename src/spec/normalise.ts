import type { EncoderSpec, ModelSpec, PartSpec } from "../model/index.ts";
import type { SpecInput } from "./input.ts";
import { expandLayers } from "./layers.ts";
import { parseSpec } from "./parse.ts";
import type { ParsedSpec } from "./schema.ts";

/** Sugar to canonical form: layers expanded, defaults filled. The canonical form of a canonical spec is itself. */
export function normaliseSpec(spec: ParsedSpec, source: string = spec.name): ModelSpec {
  const { defaults } = spec;
  return {
    name: spec.name,
    title: spec.title ?? spec.name,
    width: spec.width,
    embedding: spec.embedding as ModelSpec["embedding"],
    ...(spec.encoder && { encoder: canonicalEncoder(spec, spec.encoder, source) }),
    layers: expandLayers(spec, { defaults, where: `${source}: ` }),
    norm: (spec.norm ?? defaults.norm) as PartSpec,
    head: spec.head as PartSpec,
    ...(spec.ties && spec.ties.length > 0 && { ties: spec.ties }),
    dropout: spec.dropout,
    objective: spec.objective as PartSpec,
  };
}

function canonicalEncoder(
  { defaults, embedding }: ParsedSpec,
  encoder: NonNullable<ParsedSpec["encoder"]>,
  source: string,
): EncoderSpec {
  return {
    ...(encoder.embedding && { embedding: encoder.embedding as PartSpec }),
    positions: (encoder.positions ?? (embedding as ModelSpec["embedding"]).positions) as PartSpec,
    layers: expandLayers(encoder, { defaults, where: `${source}: encoder.` }),
    norm: (encoder.norm ?? defaults.norm) as PartSpec,
    bridge: encoder.bridge,
  };
}

/** Any spec from outside to its canonical form. */
export function canonicalSpec(value: SpecInput | unknown, source?: string): ModelSpec {
  const parsed = parseSpec(value, source);
  return normaliseSpec(parsed, source ?? parsed.name);
}
