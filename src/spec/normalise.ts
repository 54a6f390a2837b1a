import type { EncoderSpec, ModelSpec, PartSpec } from "../model/index.ts";
import { fail } from "../tensor/index.ts";
import { assertStreams } from "./arrangement.ts";
import type { SpecInput } from "./input.ts";
import { canonicalRounds, expandLayers } from "./layers.ts";
import { parseSpec } from "./parse.ts";
import type { ParsedSpec } from "./schema.ts";

/** Sugar to canonical form: layers expanded, defaults filled. The canonical form of a canonical spec is itself. */
export function normaliseSpec(spec: ParsedSpec, source: string = spec.name): ModelSpec {
  const { defaults } = spec;
  const canonical: ModelSpec = {
    name: spec.name,
    title: spec.title ?? spec.name,
    width: spec.width,
    embedding: spec.embedding as ModelSpec["embedding"],
    ...(spec.encoder && { encoder: canonicalEncoder(spec, spec.encoder, source) }),
    ...stackOf(spec, { defaults, where: `${source}: ` }),
    norm: (spec.norm ?? defaults.norm) as PartSpec,
    head: spec.head as PartSpec,
    ...(spec.heads && spec.heads.length > 0 && { heads: spec.heads as NonNullable<ModelSpec["heads"]> }),
    ...(spec.ties && spec.ties.length > 0 && { ties: spec.ties }),
    ...(spec.init && { init: spec.init }),
    dropout: spec.dropout,
    objective: spec.objective as PartSpec,
  };
  assertStreams(canonical, `${source}: `);
  if (canonical.encoder) assertStreams(canonical.encoder, `${source}: encoder.`);
  return canonical;
}

function canonicalEncoder(
  { defaults, embedding }: ParsedSpec,
  encoder: NonNullable<ParsedSpec["encoder"]>,
  source: string,
): EncoderSpec {
  return {
    ...(encoder.embedding && { embedding: encoder.embedding as PartSpec }),
    positions: (encoder.positions ?? (embedding as ModelSpec["embedding"]).positions) as PartSpec,
    ...stackOf(encoder, { defaults, where: `${source}: encoder.` }),
    norm: (encoder.norm ?? defaults.norm) as PartSpec,
    bridge: encoder.bridge,
  };
}

type StackInput = Pick<ParsedSpec, "loop" | "rounds" | "route" | "streams" | "history"> & {
  layers: ParsedSpec["layers"] | NonNullable<ParsedSpec["encoder"]>["layers"];
};

/** Layers written out, and what goes with them. */
function stackOf(
  stack: StackInput,
  at: { defaults: ParsedSpec["defaults"]; where: string },
): Pick<ModelSpec, "layers" | "rounds" | "route" | "streams" | "history"> {
  const { streams, history, route } = stack;
  const layers = expandLayers(stack, at);
  const rounds = canonicalRounds(stack, { expanded: layers, where: at.where });
  if (history && rounds?.solver)
    fail({ code: "E_SPEC_ROUNDS", where: `${at.where}history`, expected: "none beside a solver", got: history.kind });
  const beside = Object.entries({ rounds, streams, history }).find(([, one]) => one !== undefined);
  if (route && beside)
    fail({ code: "E_SPEC_ROUTE", where: `${at.where}${beside[0]}`, expected: "none beside a route", got: "one" });
  return {
    layers,
    ...(rounds && { rounds }),
    ...(route && { route }),
    ...(streams && { streams: streams as PartSpec }),
    ...(history && { history: history as PartSpec }),
  };
}

/** Any spec from outside to its canonical form. */
export function canonicalSpec(value: SpecInput | unknown, source?: string): ModelSpec {
  const parsed = parseSpec(value, source);
  return normaliseSpec(parsed, source ?? parsed.name);
}
