import {
  type Capabilities,
  type Channel,
  type Embedding,
  families,
  type Head,
  type Io,
  type Norm,
  type Position,
} from "../blocks/index.ts";
import { iota, type Shape, type Tensor } from "../tensor/index.ts";
import { dropout } from "./dropout.ts";
import {
  activeParameters,
  buildLayer,
  countOf,
  type Extras,
  type Layer,
  partsOf,
  runLayer,
  runNorm,
  strictestFlow,
} from "./layer.ts";
import { type LayerReport, type Model, type ModelResult, parameterCount, type TraceContext } from "./model.ts";
import { buildPart, contextOf, type Part, type Source, under } from "./part.ts";
import type { ModelSpec } from "./spec.ts";

interface Stack {
  embedding: Part<Embedding>;
  positions: Part<Position>;
  layers: readonly Layer[];
  norm: Part<Norm>;
  head: Part<Head>;
}

/** Builds the model of a canonical spec for a vocabulary of ids. Throws where sizes do not come out whole. */
export function buildModel(spec: ModelSpec, { vocabulary }: { vocabulary: number }): Model {
  const stack = buildStack(spec, vocabulary);
  const parts = [stack.embedding, stack.positions, ...stack.layers.flatMap(partsOf), stack.norm, stack.head];
  const parameters = new Map(parts.flatMap((part) => Object.entries(under(part.path, part.parameters))));
  const idle = stack.layers.reduce((sum, { channel }) => sum + (channel ? idleParameters(channel.part) : 0), 0);
  return {
    spec,
    vocabulary,
    parameters,
    buffers: new Map(parts.flatMap((part) => Object.entries(under<Shape>(part.path, part.buffers)))),
    states: new Map(stack.layers.flatMap(({ states }) => Object.entries(states))),
    flow: flowOf(stack),
    decodes: stack.layers.every(
      ({ mixer, capabilities }) => capabilities.state !== "none" && mixer.part.component.step !== undefined,
    ),
    limit: stack.positions.component.limit?.(stack.positions.c) ?? Number.POSITIVE_INFINITY,
    layers: stack.layers.map(reportOf),
    activeParameters: parameterCount(parameters) - idle,
    forward: (ids_BT, context) => run(stack, ids_BT, { spec, context, form: "forward" }),
    step: (ids_B, context) => run(stack, ids_B, { spec, context, form: "step" }),
  };
}

function buildStack(spec: ModelSpec, vocabulary: number): Stack {
  const { width } = spec;
  const { positions, ...token } = spec.embedding;
  const embedding = families.embeddings[token.kind]!;
  const position = families.positions[positions.kind]!;
  const norm = families.norms[spec.norm.kind]!;
  const head = families.heads[spec.head.kind]!;
  return {
    embedding: buildPart(embedding, {
      spec: token,
      path: "embedding",
      where: "embedding",
      dims: (c) => embedding.dims(c, width, vocabulary),
    }),
    positions: buildPart(position, {
      spec: positions,
      path: "positions",
      where: "embedding.positions",
      dims: (c) => position.dims(c, width),
    }),
    layers: spec.layers.map((layer, index) => buildLayer(layer, { index, width })),
    norm: buildPart(norm, { spec: spec.norm, path: "norm", where: "norm", dims: (c) => norm.dims(c, width) }),
    head: buildPart(head, {
      spec: spec.head,
      path: "head",
      where: "head",
      dims: (c) => head.dims(c, width, vocabulary),
    }),
  };
}

const idleParameters = (part: Part<Channel>): number => countOf(part.parameters) - activeParameters(part);

function reportOf(layer: Layer): LayerReport {
  const parameters = partsOf(layer).reduce((sum, part) => sum + countOf(part.parameters), 0);
  const idle = layer.channel ? idleParameters(layer.channel.part) : 0;
  return {
    path: layer.path,
    mixer: layer.mixer.part.component.kind,
    channel: layer.channel?.part.component.kind ?? "none",
    parameters,
    activeParameters: parameters - idle,
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
  stack: Stack,
  ids: Tensor,
  { spec, context, form }: { spec: ModelSpec; context: TraceContext; form: "forward" | "step" },
): ModelResult {
  const extras: Extras = { state: {}, losses: [], buffers: {}, probes: {} };
  const { source, io } = context;
  let x = embedIds(stack, ids, { source, io, form });
  x = dropout(x, spec.dropout, { io, path: "embedding" });
  for (const layer of stack.layers) x = runLayer(layer, x, { context, form, dropoutProb: spec.dropout, extras });
  if (context.read_BR) x = readTokens(x, context.read_BR);
  x = runNorm(stack.norm, x, context, extras);
  const table = contextOf(stack.embedding, source, io).p["table"]?.tensor;
  const logits = stack.head.component.forward(x, { ...contextOf(stack.head, source, io), table });
  const { handed: _, ...rest } = extras;
  return { logits, ...rest };
}

/** Vectors of some tokens of each sequence: x [B, T, D], read i32 [B, R] → [B, R, D]. */
function readTokens(x_BTD: Tensor, read_BR: Tensor): Tensor {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const rows_BR = read_BR.add(iota(B).mul(T).unsqueeze(1));
  return x_BTD.reshape([B * T, -1]).gather(0, rows_BR);
}

function embedIds(
  { embedding, positions }: Stack,
  ids: Tensor,
  { source, io, form }: { source: Source; io: Io; form: "forward" | "step" },
): Tensor {
  const x = embedding.component.forward(ids, contextOf(embedding, source, io));
  const { embed } = positions.component;
  if (embed === undefined) return x;
  const at = contextOf(positions, source, io);
  if (form === "forward") return embed(x, io.positions_BT ?? defaultPositions(ids, io), at);
  return embed(x.unsqueeze(1), io.positions_BT ?? io.length_B!.unsqueeze(1), at).squeeze(1);
}

/** 0 … T − 1 behind what growing states already hold: i32 [B, T]. */
function defaultPositions(ids_BT: Tensor, io: Io): Tensor {
  const along = iota(ids_BT.dim(1)).unsqueeze(0);
  return io.length_B ? along.add(io.length_B.unsqueeze(1)) : along.expand(ids_BT.shape);
}
