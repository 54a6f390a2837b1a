import { type Capabilities, type Channel, families, type StateDeclaration } from "../blocks/index.ts";
import type { Shape, Tensor } from "../tensor/index.ts";
import { buildEncoder, type Encoder, encode } from "./encoder.ts";
import { activeParameters, countOf, type Extras, type Layer, partsOf, strictestFlow } from "./layer.ts";
import { type LayerReport, type Model, type ModelResult, parameterCount, type TraceContext } from "./model.ts";
import { buildPart, contextOf, type Part, under } from "./part.ts";
import type { ModelSpec } from "./spec.ts";
import { buildStack, embed, runStack, type Stack, stackParts } from "./stack.ts";

interface Whole {
  spec: ModelSpec;
  encoder: Encoder | undefined;
  decoder: Stack;
  head: Part<ReturnType<typeof headOf>>;
}

const headOf = (spec: ModelSpec) => families.heads[spec.head.kind]!;

/** Builds the model of a canonical spec for a vocabulary of ids. Throws where sizes do not come out whole. */
export function buildModel(spec: ModelSpec, { vocabulary }: { vocabulary: number }): Model {
  const whole = buildWhole(spec, vocabulary);
  const { encoder, decoder, head } = whole;
  const parts = [...stackParts(decoder), ...(encoder ? stackParts(encoder.stack) : []), head];
  const parameters = new Map(parts.flatMap((part) => Object.entries(under(part.storage, part.parameters))));
  const layers = [...(encoder?.stack.layers ?? []), ...decoder.layers];
  const idle = layers.filter(isOwn).reduce((sum, { channel }) => sum + (channel ? idleParameters(channel.part) : 0), 0);
  const { embedding } = decoder;
  const features = embedding.component.features?.(embedding.c);
  return {
    spec,
    vocabulary,
    input: features === undefined ? { kind: "ids" } : { kind: "features", size: features },
    outputs: head.component.outputs?.(head.c) ?? vocabulary,
    per: head.component.per ?? "token",
    readsSource: encoder !== undefined,
    parameters,
    buffers: new Map(parts.flatMap((part) => Object.entries(under<Shape>(part.storage, part.buffers)))),
    states: new Map(decoder.layers.flatMap(({ states }) => Object.entries<StateDeclaration>(states))),
    flow: flowOf(decoder),
    decodes: decodes(whole),
    limit: decoder.positions.component.limit?.(decoder.positions.c) ?? Number.POSITIVE_INFINITY,
    layers: layers.map(reportOf),
    activeParameters: parameterCount(parameters) - idle,
    forward: (ids_BT, context) => run(whole, ids_BT, { context, form: "forward" }),
    step: (ids_B, context) => run(whole, ids_B, { context, form: "step" }),
  };
}

function buildWhole(spec: ModelSpec, vocabulary: number): Whole {
  const decoder = buildStack(spec, { vocabulary, width: spec.width });
  const component = headOf(spec);
  const head = buildPart(component, {
    spec: spec.head,
    path: "head",
    where: "head",
    dims: (c) => component.dims(c, spec.width, vocabulary),
  });
  return {
    spec,
    decoder,
    head,
    encoder: spec.encoder && buildEncoder(spec, { encoder: spec.encoder, vocabulary, decoder }),
  };
}

const decodes = ({ decoder, head }: Whole): boolean =>
  head.component.per !== "sequence" &&
  decoder.embedding.component.features === undefined &&
  decoder.layers.every(
    ({ mixer, cross, capabilities }) =>
      capabilities.state !== "none" && [mixer, cross].every((one) => one === undefined || one.part.component.step),
  );

const idleParameters = (part: Part<Channel>): number => countOf(part.parameters) - activeParameters(part);

/** Whether a layer's weights are its own. */
const isOwn = ({ mixer }: Layer): boolean => mixer.part.storage === mixer.part.path;

function reportOf(layer: Layer): LayerReport {
  const { path, mixer, cross, channel } = layer;
  const parameters = isOwn(layer) ? partsOf(layer).reduce((sum, part) => sum + countOf(part.parameters), 0) : 0;
  return {
    path,
    mixer: mixer.part.component.kind,
    ...(cross && { cross: cross.part.component.kind }),
    channel: channel?.part.component.kind ?? "none",
    parameters,
    activeParameters: parameters - (channel && isOwn(layer) ? idleParameters(channel.part) : 0),
  };
}

/** The stack is causal only if every part is; one that can be either counts as causal. */
function flowOf({ layers, norm }: Stack): Capabilities["flow"] {
  return strictestFlow([
    ...layers.map(({ capabilities }) => capabilities.flow),
    norm.component.capabilities?.(norm.c).flow ?? "both",
  ]);
}

function run(
  { spec, encoder, decoder, head }: Whole,
  input: Tensor,
  { context, form }: { context: TraceContext; form: "forward" | "step" },
): ModelResult {
  const extras: Extras = { state: {}, losses: [], buffers: {}, probes: {} };
  const at = encoder && context.from ? encode(encoder, context.from, { spec, context, extras }) : context;
  const stackRun = { context: at, form, dropoutProb: spec.dropout, extras };
  const { x, io } = runStack(decoder, embed(decoder, input, stackRun), stackRun);
  const table = contextOf(decoder.embedding, at.source, io).p["table"]?.tensor;
  const logits = head.component.forward(x, { ...contextOf(head, at.source, io), table });
  const { handed: _, ...rest } = extras;
  return { logits, ...rest };
}
