import type { z } from "zod";
import { type Family, families, type IoField } from "../blocks/index.ts";
import { buildModel, type LayerSpec, type Model, type ModelSpec, type PartReport } from "../model/index.ts";
import { fail, SeqlabError } from "../tensor/index.ts";
import { type ObjectiveDeclaration, type ObjectiveKind, objectives, serves } from "./objectives.ts";

/** A model together with what its objective adds to the vocabulary. */
export interface BuiltModel {
  model: Model;
  /** Ids of the objective's own tokens by name, behind the tokenizer's. */
  extraTokens: Readonly<Record<string, number>>;
}

/** Canonical spec → model for a tokenizer of `tokens` ids. Throws where sizes, flow or objective do not fit together. */
export function buildSpec(spec: ModelSpec, { tokens }: { tokens: number }): BuiltModel {
  const objective: ObjectiveDeclaration = objectives[spec.objective.kind as ObjectiveKind];
  assertSource(spec, objective.source !== undefined);
  const own = objective.extraTokens;
  const names = typeof own === "function" ? own(spec.objective) : own;
  const extraTokens = Object.fromEntries(names.map((name, i) => [name, tokens + i]));
  const model = buildNamed(spec, tokens + names.length);
  assertHead(spec, model, objective.per ?? "token");
  assertAhead(spec, objective);
  assertFed(spec, model, objective);
  if (objective.flow !== "any" && !serves(model.flow, objective.flow)) rejectFlow(spec, model, objective.flow);
  return { model, extraTokens };
}

/** An encoder, an objective that gives it a source, and layers that read it come together. */
function assertSource(spec: ModelSpec, needed: boolean): void {
  const { name, encoder, layers, objective } = spec;
  const cross = layers.findIndex((layer) => layer.cross !== undefined);
  const reject = (where: string, expected: string, got: string) =>
    fail({ code: "E_SPEC_ENCODER", where: `${name}: ${where}`, expected, got });
  if (encoder === undefined && cross >= 0)
    reject(`layers[${cross}].cross`, "an encoder, whose output cross attention reads", "a spec without one");
  if (needed && encoder === undefined)
    reject("encoder", `an encoder, as the objective "${objective.kind}" requires`, "nothing");
  if (encoder === undefined) return;
  if (!needed) reject("encoder", `none: the objective "${objective.kind}" has no source`, "an encoder");
  if (cross < 0 && encoder.bridge === "none")
    reject("layers", 'a layer with "cross", or "bridge": "state" in the encoder', "none: nothing reads the encoder");
}

/** What parts need beside their input comes from the embedding, the encoder, or the objective's batches. */
function assertFed(
  { name, encoder, objective }: ModelSpec,
  model: Model,
  { feeds = [], feedsWith }: ObjectiveDeclaration,
): void {
  const fed: readonly IoField[] = [
    ...(model.input.kind === "ids" ? (["ids_BT"] as const) : []),
    ...(encoder ? (["memory"] as const) : []),
    ...(feedsWith === undefined || objective[feedsWith] !== undefined ? feeds : []),
  ];
  const needed = model.parts.flatMap(({ kind, where, needs }) => needs.map((field) => ({ field, kind, where })));
  const lack = needed.find(({ field }) => !fed.includes(field));
  if (lack === undefined) return;
  const feeders = Object.entries<ObjectiveDeclaration>(objectives).filter(([, one]) => one.feeds?.includes(lack.field));
  fail({
    code: "E_SPEC_FEEDS",
    where: `${name}: ${lack.where}`,
    expected: `a part that reads only what it is given (${fed.join(", ") || "its input"}), under the objective "${objective.kind}"`,
    got: `${lack.kind}, which needs ${lack.field}`,
    hint: feedHint(
      lack.field,
      feeders.map(([kind, one]) => (one.feedsWith === undefined ? kind : `${kind} with "${one.feedsWith}"`)),
    ),
  });
}

/** What would feed it. */
function feedHint(field: IoField, objectives: readonly string[]): string {
  if (field === "ids_BT") return 'Use "embedding": {"kind": "token"}, whose input are ids.';
  if (objectives.length > 0) return `Objectives that feed it: ${objectives.join(", ")}.`;
  return "No objective feeds it: choose another part, or run the layer yourself and pass it in `io`.";
}

/** A head that answers per token, or per sequence, goes with an objective that asks so. */
function assertHead({ name, head, objective }: ModelSpec, { per }: Model, wanted: Model["per"]): void {
  if (per === wanted) return;
  fail({
    code: "E_SPEC_HEAD",
    where: `${name}: head`,
    expected: `a head with one answer a ${wanted}, as the objective "${objective.kind}" requires`,
    got: `${head.kind}, which has one a ${per}`,
    hint: wanted === "sequence" ? 'Use "head": {"kind": "classes"}.' : 'Use "head": {"kind": "lm"}.',
  });
}

/** Heads further ahead need an objective whose targets are the coming tokens. */
function assertAhead({ name, heads = [], objective: { kind } }: ModelSpec, { ahead }: ObjectiveDeclaration): void {
  if (heads.length === 0 || ahead) return;
  const able = Object.entries<ObjectiveDeclaration>(objectives).filter(([, one]) => one.ahead);
  fail({
    code: "E_SPEC_HEADS",
    where: `${name}: heads`,
    expected: `none, as the objective "${kind}" has no tokens ahead`,
    got: String(heads.length),
    hint: `Objectives that have: ${able.map(([one]) => one).join(", ")}.`,
  });
}

/** Errors say which spec, and which layer where the component does not know. */
function buildNamed(spec: ModelSpec, vocabulary: number): Model {
  try {
    return buildModel(spec, { vocabulary });
  } catch (error) {
    if (!(error instanceof SeqlabError)) throw error;
    const { fault } = error;
    const layer =
      spec.encoder !== undefined || /^(encoder|layers|embedding|norm|heads?|ties)\b/.test(fault.where)
        ? -1
        : spec.layers.findIndex((one) => !builds(onlyLayer(spec, one)));
    const where = `${spec.name}: ${layer < 0 ? "" : `layers[${layer}]: `}${fault.where}`;
    throw new SeqlabError({ ...fault, where, cause: error });
  }
}

/** A spec of one of its layers. */
function onlyLayer({ encoder: _, ties: _t, ...spec }: ModelSpec, { weights: _w, ...layer }: LayerSpec): ModelSpec {
  return { ...spec, layers: [layer] };
}

function builds(spec: ModelSpec): boolean {
  try {
    return buildModel(spec, { vocabulary: 2 }) !== undefined;
  } catch {
    return false;
  }
}

const nouns: Partial<Record<Family, string>> = { mixers: "mixer", channels: "channel mixer", norms: "norm" };

function rejectFlow({ name, objective }: ModelSpec, { parts }: Model, flow: "causal" | "bidirectional"): never {
  const writing = parts.filter(({ where }) => !where.startsWith("encoder"));
  const part = writing.find((one) => !serves(one.flow, flow)) ?? writing[0]!;
  const noun = (part.family && nouns[part.family]) ?? "part";
  const others = flow === "causal" ? "masked-diffusion" : "next-token";
  fail({
    code: "E_SPEC_FLOW",
    where: `${name}: ${part.where}`,
    expected: `a ${flow} ${noun}, as the objective "${objective.kind}" requires`,
    got: `${part.kind}, which is not`,
    hint: `${causalHint(part, flow) ?? `Choose another ${noun}`}, or choose the objective "${others}".`,
  });
}

/** How this mixer itself becomes what is wanted; undefined where it has no option for that. */
function causalHint({ family, kind }: PartReport, flow: "causal" | "bidirectional"): string | undefined {
  if (family !== "mixers") return undefined;
  const { shape } = families.mixers[kind]!.config as unknown as z.ZodObject;
  if ("causal" in shape) return `Set "causal": ${flow === "causal"}`;
  return flow === "bidirectional" && isInner(kind)
    ? `Run it both ways: {"kind": "bidirectional", "mixer": {"kind": "${kind}"}}`
    : undefined;
}

/** Whether `bidirectional` can hold it. */
const isInner = (kind: string): boolean =>
  families.mixers["bidirectional"]!.config.safeParse({ mixer: { kind } }).success;
