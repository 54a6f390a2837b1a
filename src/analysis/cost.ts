import { families, type Pattern } from "../blocks/index.ts";
import type { BatchShape } from "../data/index.ts";
import { countFlops, mergeScans } from "../engine/index.ts";
import { storedActivations } from "../grad/index.ts";
import { type Model, parameterCount, stateShape } from "../model/index.ts";
import { type BuiltModel, type ObjectiveKind, objectives } from "../spec/index.ts";
import { fail, input, inputsOf, sizeOf, type Tensor } from "../tensor/index.ts";
import { evaluationIo, inputSource, objectiveLosses, trainingProgram } from "../train/index.ts";
import { type LayerCost, layerCosts } from "./layer-costs.ts";
import { type Work, workOf } from "./work.ts";

/** What a model costs and what it is made of, before anything is trained. */
export interface ModelDescription {
  name: string;
  title: string;
  layers: readonly LayerCost[];
  vocabulary: number;
  parameters: number;
  activeParameters: number;
  embeddingParameters: number;
  /** Floating-point operations per token, counted on the traced graphs; null where the model cannot decode. */
  flops: {
    train: number;
    prefill: number;
    /** Of `prefill`, without what layers execute for parameters that do not act on the token (see `LayerCost`). */
    prefillActive: number;
    decode: number | null;
    context: number;
  };
  /** What else is counted on the same graphs. */
  work: { train: Work; prefill: Work; decode: Work | null };
  /** Bytes of activations that a training step keeps for its gradients, of one sequence of `flops.context` tokens. */
  activationBytes: number;
  /** f32 bytes of one sequence's state by context; null where the model has none. */
  stateBytes: Readonly<Record<string, number>> | null;
  flow: Model["flow"];
  objective: string;
  components: readonly ComponentNote[];
}

/** A distinct component of the model: what it computes and where that was published. */
export interface ComponentNote {
  slot: "mixer" | "channel" | "norm" | "positions";
  kind: string;
  title: string;
  /** Recurring ideas that it is made of. */
  patterns: readonly Pattern[];
  equations: readonly string[];
  cite: string;
}

export const describedContexts = [1024, 4096, 16_384, 65_536, 262_144, 1_048_576] as const;

/** Reads a built model's costs off its graphs and declared state shapes; `context` is the length they are counted at. Throws E_LENGTH. */
export function describeModel(
  built: BuiltModel,
  { context = usualContext(built.model) }: { context?: number } = {},
): ModelDescription {
  const { model } = built;
  assertContext(model, context);
  const states = describedContexts.map((tokens) => [String(tokens), stateBytesAt(built, tokens)] as const);
  const read = prefillOutputs(built, context);
  const work = { ...workOfPasses(built, context), prefill: workOf(read, context) };
  const layers = layerCosts(model, { outputs: read, length: context, contexts: describedContexts });
  const embeddings = [...model.parameters.values()].filter(({ role }) => role === "embedding");
  return {
    name: model.spec.name,
    title: model.spec.title,
    layers,
    vocabulary: model.vocabulary,
    parameters: parameterCount(model.parameters),
    activeParameters: model.activeParameters,
    embeddingParameters: embeddings.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    flops: {
      train: work.train.flops,
      prefill: work.prefill.flops,
      prefillActive: layers.reduce((rest, layer) => rest - (layer.flops - layer.activeFlops), work.prefill.flops),
      decode: work.decode?.flops ?? null,
      context,
    },
    work,
    activationBytes: activationBytes(built, { batch: 1, length: context }),
    stateBytes: states.some(([, bytes]) => bytes === null)
      ? null
      : (Object.fromEntries(states) as Record<string, number>),
    flow: model.flow,
    objective: objectives[model.spec.objective.kind as ObjectiveKind].title,
    components: componentNotes(model),
  };
}

/** 512 tokens, or what the model reads: the cells of its grid, or fewer tokens. */
const usualContext = ({ length, limit }: Model): number => length ?? Math.min(512, limit);

function assertContext({ length }: Model, context: number): void {
  if (length === undefined || context === length) return;
  fail({
    code: "E_LENGTH",
    where: "context",
    expected: `${length} tokens, the cells of the embedding's grid`,
    got: String(context),
    hint: "Leave it out.",
  });
}

/** f32 bytes of the declared state of one sequence after `tokens` tokens; null where the model has none. */
export function stateBytesAt({ model }: BuiltModel, tokens: number): number | null {
  if (!model.decodes) return null;
  return [...model.states.values()].reduce((sum, state) => sum + 4 * sizeOf(stateShape(state, tokens)), 0);
}

const workOfPasses = (built: BuiltModel, context: number) => ({
  train: workOf(Object.values(trainOutputs(built, { batch: 1, length: context })), context),
  decode: built.model.decodes ? workOf(decodeOutputs(built, context)) : null,
});

/** FLOPs of one training step (forward and backward; the optimizer not counted) per token, of a source as long where one is read. */
export function trainFlopsPerToken(built: BuiltModel, shape: BatchShape): number {
  return countFlops(Object.values(trainOutputs(built, shape))).total / (shape.batch * shape.length);
}

/**
 * Bytes of activations that lie in memory between the forward and the backward pass of a training step: what the gradients read
 * of the forward graph, once engines have merged each scan with the one that also stacks what its gradient reads.
 */
export function activationBytes(built: BuiltModel, shape: BatchShape): number {
  const outputs = mergedOutputs(trainOutputs(built, shape));
  const leaves = inputsOf({ outputs });
  const paths = [...built.model.parameters.keys()];
  const kept = storedActivations([outputs["total"]!], {
    gradients: paths.map((path) => outputs[`grad:${path}`]),
    parameters: paths.flatMap((path) => leaves.get(path) ?? []),
  });
  return kept.reduce((sum, t) => sum + t.bytes, 0);
}

function mergedOutputs(outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const merged = mergeScans(Object.values(outputs));
  return Object.fromEntries(Object.keys(outputs).map((name, i) => [name, merged[i]!]));
}

function trainOutputs(built: BuiltModel, shape: BatchShape): Readonly<Record<string, Tensor>> {
  const objective = objectiveLosses[built.model.spec.objective.kind as ObjectiveKind];
  const source = built.model.readsSource && { sourceLength: shape.length };
  return trainingProgram(built, objective, { ...shape, ...source }).outputs;
}

/** FLOPs of reading a prompt of `length` tokens, per token. */
export const prefillFlopsPerToken = (built: BuiltModel, length: number): number =>
  countFlops(prefillOutputs(built, length)).total / length;

function prefillOutputs({ model }: BuiltModel, length: number): Tensor[] {
  const { logits, state } = model.forward(modelInput(model, length), {
    source: inputSource(),
    io: { ...evaluationIo(), ...conditionOf(model) },
    ...(model.readsSource && { from: { ids_BS: input("source", [1, length], "i32") } }),
  });
  return [logits, ...Object.values(state)];
}

/** What parts read of the time, where the objective tells them. */
function conditionOf({ spec }: Model): { cond_BTD?: Tensor } {
  const width = spec.objective["timeFeatures"];
  return typeof width === "number" ? { cond_BTD: input("condition", [1, 1, width]) } : {};
}

const modelInput = (model: Model, length: number): Tensor =>
  model.input.kind === "ids" ? input("ids", [1, length], "i32") : input("features", [1, length, model.input.size]);

/** FLOPs of one decoding step behind `context` tokens. */
export const decodeFlops = (built: BuiltModel, context: number): number =>
  countFlops(decodeOutputs(built, context)).total;

function decodeOutputs({ model }: BuiltModel, context: number): Tensor[] {
  const state: Record<string, Tensor> = {};
  for (const [path, declaration] of model.states) state[path] = input(path, [1, ...stateShape(declaration, context)]);
  const io = { ...evaluationIo(), length_B: input("length", [1], "i32") };
  const result = model.step(input("ids", [1], "i32"), { source: inputSource(), io, state });
  return [result.logits, ...Object.values(result.state)];
}

function componentNotes({ spec }: Model): ComponentNote[] {
  const notes = new Map<string, ComponentNote>();
  const add = (slot: ComponentNote["slot"], family: "mixers" | "channels" | "norms" | "positions", part: unknown) => {
    const kind = (part as { kind?: string } | undefined)?.kind;
    const component = kind === undefined || kind === "none" ? undefined : families[family][kind];
    if (component)
      notes.set(`${slot} ${kind}`, {
        slot,
        kind: component.kind,
        title: component.title,
        patterns: component.patterns ?? [],
        equations: component.equations,
        cite: citation(component.cite),
      });
  };
  add("positions", "positions", spec.embedding.positions);
  for (const { mixer, cross, channel, norm } of [...(spec.encoder?.layers ?? []), ...spec.layers]) {
    add("mixer", "mixers", mixer);
    add("mixer", "mixers", cross);
    add("positions", "positions", mixer["positions"]);
    add("channel", "channels", channel);
    add("norm", "norms", norm);
  }
  return [...notes.values()];
}

function citation({ by, title, arxiv, url }: { by: string; title?: string; arxiv?: string; url?: string }): string {
  const where = arxiv === undefined ? url : `arXiv:${arxiv}`;
  return [by, title, where].filter((part) => part !== undefined).join(", ");
}
