import { buildModel, type Model, type ModelSpec } from "../model/index.ts";
import { fail, SeqlabError } from "../tensor/index.ts";
import { type ObjectiveKind, objectives, serves } from "./objectives.ts";

/** A model together with what its objective adds to the vocabulary. */
export interface BuiltModel {
  model: Model;
  /** Ids of the objective's own tokens by name, behind the tokenizer's. */
  extraTokens: Readonly<Record<string, number>>;
}

/** Canonical spec → model for a tokenizer of `tokens` ids. Throws where sizes, flow or objective do not fit together. */
export function buildSpec(spec: ModelSpec, { tokens }: { tokens: number }): BuiltModel {
  const objective = objectives[spec.objective.kind as ObjectiveKind];
  const extraTokens = Object.fromEntries(objective.extraTokens.map((name, i) => [name, tokens + i]));
  const model = buildNamed(spec, tokens + objective.extraTokens.length);
  if (!serves(model.flow, objective.flow)) rejectFlow(spec, objective.flow);
  return { model, extraTokens };
}

/** Errors say which spec, and which layer where the component does not know. */
function buildNamed(spec: ModelSpec, vocabulary: number): Model {
  try {
    return buildModel(spec, { vocabulary });
  } catch (error) {
    if (!(error instanceof SeqlabError)) throw error;
    const { fault } = error;
    const layer = /^(layers|embedding|norm|head)\b/.test(fault.where)
      ? -1
      : spec.layers.findIndex((one) => !builds({ ...spec, layers: [one] }));
    const where = `${spec.name}: ${layer < 0 ? "" : `layers[${layer}]: `}${fault.where}`;
    throw new SeqlabError({ ...fault, where, cause: error });
  }
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
    (layer) => !serves(buildModel({ ...spec, layers: [layer] }, { vocabulary: 2 }).flow, flow),
  );
  const layer = spec.layers[index];
  const bare = layer && { ...layer, channel: { kind: "none" } };
  const slot =
    bare && serves(buildModel({ ...spec, layers: [bare] }, { vocabulary: 2 }).flow, flow) ? "channel" : "mixer";
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
