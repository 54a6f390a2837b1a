import { buildModel, type LayerSpec, type Model, type ModelSpec } from "../model/index.ts";
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
  assertSource(spec, objective.source === true);
  const extraTokens = Object.fromEntries(objective.extraTokens.map((name, i) => [name, tokens + i]));
  const model = buildNamed(spec, tokens + objective.extraTokens.length);
  assertHead(spec, model, objective.per ?? "token");
  if (objective.flow !== "any" && !serves(model.flow, objective.flow)) rejectFlow(spec, objective.flow);
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

/** Errors say which spec, and which layer where the component does not know. */
function buildNamed(spec: ModelSpec, vocabulary: number): Model {
  try {
    return buildModel(spec, { vocabulary });
  } catch (error) {
    if (!(error instanceof SeqlabError)) throw error;
    const { fault } = error;
    const layer =
      spec.encoder !== undefined || /^(encoder|layers|embedding|norm|head)\b/.test(fault.where)
        ? -1
        : spec.layers.findIndex((one) => !builds(onlyLayer(spec, one)));
    const where = `${spec.name}: ${layer < 0 ? "" : `layers[${layer}]: `}${fault.where}`;
    throw new SeqlabError({ ...fault, where, cause: error });
  }
}

/** A spec of one of its layers. */
function onlyLayer({ encoder: _, ...spec }: ModelSpec, { weights: _w, ...layer }: LayerSpec): ModelSpec {
  return { ...spec, layers: [layer] };
}

function builds(spec: ModelSpec): boolean {
  try {
    return buildModel(spec, { vocabulary: 2 }) !== undefined;
  } catch {
    return false;
  }
}

function rejectFlow(spec: ModelSpec, flow: "causal" | "bidirectional"): never {
  const index = spec.layers.findIndex(
    (layer) => !serves(buildModel(onlyLayer(spec, layer), { vocabulary: 2 }).flow, flow),
  );
  const layer = spec.layers[index];
  const bare = layer && { ...layer, channel: { kind: "none" } };
  const slot = bare && serves(buildModel(onlyLayer(spec, bare), { vocabulary: 2 }).flow, flow) ? "channel" : "mixer";
  fail({
    code: "E_SPEC_FLOW",
    where: `${spec.name}: layers[${index}].${slot}`,
    expected: `a ${flow} ${slot === "mixer" ? "mixer" : "channel mixer"}, as the objective "${spec.objective.kind}" requires`,
    got: `${layer?.[slot].kind}, which is not`,
    hint:
      flow === "causal"
        ? 'Set "causal": true, or choose the objective "masked-diffusion".'
        : 'Set "causal": false where the mixer has that option, or choose the objective "next-token".',
  });
}
