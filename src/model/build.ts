import {
  type Capabilities,
  families,
  type Io,
  type ParameterDeclaration,
  type StateDeclaration,
} from "../blocks/index.ts";
import { type Shape, type Tensor, within } from "../tensor/index.ts";
import { buildEncoder, type Encoder, encode } from "./encoder.ts";
import { buildFurtherHeads, type FurtherHead, scoreAhead } from "./further-heads.ts";
import { type Extras, mixersOf, strictestFlow } from "./layer.ts";
import { type Model, type ModelResult, parameterCount, type TraceContext } from "./model.ts";
import { buildPart, contextOf, type Part, under } from "./part.ts";
import { idleParameters, layerReport, partReport } from "./reports.ts";
import { assertRestored } from "./reshape.ts";
import { runNorm } from "./run-layer.ts";
import type { ModelSpec } from "./spec.ts";
import { buildStack, embed, runStack, type Stack, stackParts, tableOf } from "./stack.ts";
import { type Owners, ownersOf, tiedSource } from "./ties.ts";

interface Whole {
  spec: ModelSpec;
  encoder: Encoder | undefined;
  decoder: Stack;
  head: Part<ReturnType<typeof headOf>>;
  further: readonly FurtherHead[];
  owners: Owners;
}

const headOf = (spec: ModelSpec) => families.heads[spec.head.kind]!;

/** Builds the model of a canonical spec for a vocabulary of ids. Throws where sizes do not come out whole. */
export function buildModel(spec: ModelSpec, { vocabulary }: { vocabulary: number }): Model {
  const whole = buildWhole(spec, vocabulary);
  const { encoder, decoder, owners } = whole;
  const parts = partsOfModel(whole);
  const parameters = new Map([...declaredBy(parts)].filter(([path]) => owners.get(path) === path));
  const layers = [...(encoder?.stack.layers ?? []), ...decoder.layers];
  const idle = layers.reduce((sum, layer) => sum + idleParameters(layer, owners), 0);
  const { embedding } = decoder;
  const { head } = whole;
  const features = embedding.component.features?.(embedding.c);
  const grid = embedding.component.grid?.(embedding.c);
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
    parts: parts.map(partReport),
    limit: decoder.positions.component.limit?.(decoder.positions.c) ?? Number.POSITIVE_INFINITY,
    length: grid && grid[0] * grid[1],
    layers: layers.map((layer) => layerReport(layer, owners)),
    activeParameters: parameterCount(parameters) - idle,
    forward: (ids_BT, context) => run(whole, ids_BT, { context, form: "forward" }),
    step: (ids_B, context) => run(whole, ids_B, { context, form: "step" }),
    readOut: (stream, context) => readOut(whole, stream, context),
  };
}

function buildWhole(spec: ModelSpec, vocabulary: number): Whole {
  const decoder = buildStack(spec, { vocabulary, width: spec.width });
  const component = headOf(spec);
  const head = buildPart(component, {
    spec: spec.head,
    path: "head",
    where: "head",
    dims: (c) => component.dims(c, decoder.reshape.width, vocabulary),
  });
  if (component.per !== "sequence") assertRestored(decoder.reshape.stride);
  const encoder = spec.encoder && buildEncoder(spec, { encoder: spec.encoder, vocabulary, decoder });
  const further = buildFurtherHeads(spec, { width: decoder.reshape.width, vocabulary });
  const owners = ownersOf(declaredBy(partsOfModel({ decoder, encoder, head, further })), spec.ties ?? []);
  return { spec, decoder, head, further, encoder, owners };
}

/** Every part: of the stack that writes, of the encoder, and the heads. */
const partsOfModel = ({ decoder, encoder, head, further }: Omit<Whole, "spec" | "owners">): Part[] => [
  ...stackParts(decoder),
  ...(encoder ? stackParts(encoder.stack) : []),
  head,
  ...further.map(({ part }) => part),
];

/** Their parameters by path, before any are tied. */
const declaredBy = (parts: readonly Part[]): Map<string, ParameterDeclaration> =>
  new Map(parts.flatMap((part) => Object.entries(under(part.storage, part.parameters))));

const decodes = ({ decoder, head }: Whole): boolean =>
  head.component.per !== "sequence" &&
  decoder.embedding.component.features === undefined &&
  decoder.layers.every(
    (layer) => layer.capabilities.state !== "none" && mixersOf(layer).every(({ component }) => component.step),
  );

/** The stack is causal only if every part is; one that can be either counts as causal. */
function flowOf({ layers, norm }: Stack): Capabilities["flow"] {
  return strictestFlow([
    ...layers.map(({ capabilities }) => capabilities.flow),
    norm.component.capabilities?.(norm.c).flow ?? "both",
  ]);
}

/** The stack's input as parts see it, where it is ids. */
function idsOf({ embedding }: Stack, input: Tensor, form: "forward" | "step"): Pick<Io, "ids_BT"> {
  if (embedding.component.features !== undefined) return {};
  return { ids_BT: form === "step" ? input.unsqueeze(1) : input };
}

function run(
  { spec, encoder, decoder, head, further, owners }: Whole,
  input: Tensor,
  { context: untied, form }: { context: TraceContext; form: "forward" | "step" },
): ModelResult {
  const context = { ...untied, source: tiedSource(untied.source, owners) };
  const extras: Extras = { state: {}, losses: [], buffers: {}, probes: {} };
  const read = encoder && context.from ? encode(encoder, context.from, { spec, context, extras }) : context;
  const at = { ...read, io: { ...read.io, ...idsOf(decoder, input, form) } };
  const stackRun = { context: at, form, dropoutProb: spec.dropout, extras };
  const { x, io } = runStack(decoder, embed(decoder, input, stackRun), stackRun);
  const { handed: _h, reshaped: _r, ...rest } = extras;
  const reading = { source: at.source, io };
  const ahead = scoreAhead(further, x, { ...reading, table: tableOf(decoder, reading) });
  return { logits: score({ decoder, head }, x, reading), ...(ahead.length > 0 && { ahead }), ...rest };
}

type Reader = Pick<Whole, "decoder" | "head">;

/** The head over a stream that the last norm has left. */
function score({ decoder, head }: Reader, x: Tensor, { source, io }: Pick<TraceContext, "source" | "io">): Tensor {
  const table = tableOf(decoder, { source, io });
  return within(head.path, () => head.component.forward(x, { ...contextOf(head, source, io), table }));
}

/** Last norm and head over a stream of any layer. */
function readOut(reader: Whole, stream: Tensor, untied: Pick<TraceContext, "source" | "io">): Tensor {
  const context = { ...untied, source: tiedSource(untied.source, reader.owners) };
  const extras: Extras = { state: {}, losses: [], buffers: {}, probes: {} };
  return score(reader, runNorm(reader.decoder.norm, stream, context, extras), context);
}
