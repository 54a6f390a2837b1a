import {
  type Embedding,
  families,
  type History,
  type Io,
  type Norm,
  type Position,
  type Reshape,
  type Streams,
} from "../blocks/index.ts";
import { openStreams } from "../ops/index.ts";
import { concat, fail, full, iota, type Tensor, within } from "../tensor/index.ts";
import { dropout } from "./dropout.ts";
import { buildHistories, recall } from "./histories.ts";
import { buildLayer, type Extras, type Layer, mixersOf, partsOf } from "./layer.ts";
import type { TraceContext } from "./model.ts";
import { buildPart, contextOf, type Part } from "./part.ts";
import { recomputedTurns } from "./recomputed-turns.ts";
import { assertUnshaped } from "./reshape.ts";
import { buildRounds, type Rounds, startRounds } from "./rounds.ts";
import { assertRoutable, startRoute } from "./route.ts";
import { ioOn, runLayer, runNorm } from "./run-layer.ts";
import type { EmbeddingSpec, LayerSpec, PartSpec, RoundsSpec, RouteSpec } from "./spec.ts";

/** An embedding, layers and a last norm. */
export interface Stack {
  /** Prefix of all draws: empty, or `encoder.`. */
  prefix: string;
  embedding: Part<Embedding>;
  positions: Part<Position>;
  embeddingNorm: Part<Norm> | undefined;
  layers: readonly Layer[];
  rounds: Rounds | undefined;
  route: RouteSpec | undefined;
  /** Of several residual streams, and how they become one behind the last layer. */
  streams: Pick<Part<Streams>, "component" | "c"> | undefined;
  /** What each layer starts from, and at last what the norm reads; none: what the layer below left. */
  histories: readonly Part<History>[];
  norm: Part<Norm>;
  /** From the embedding to what the norm leaves. */
  reshape: Reshape;
}

/** What a stack is built from. */
interface StackSpec {
  embedding: EmbeddingSpec;
  layers: readonly LayerSpec[];
  rounds?: RoundsSpec;
  route?: RouteSpec;
  streams?: PartSpec;
  history?: PartSpec;
  norm: PartSpec;
}

/** `prefix` stands before its paths; `shared` is where the embedding's table lies if it is not its own. */
export function buildStack(
  spec: StackSpec,
  {
    vocabulary,
    width,
    prefix = "",
    shared,
  }: { vocabulary: number; width: number; prefix?: string; shared?: string | undefined },
): Stack {
  const { layers, sizes } = buildLayers(spec, { width, prefix });
  assertHanded(layers);
  const { rounds, streams, embedding, route } = spec;
  if (route) assertRoutable(route, layers, `${prefix}route`);
  const reshape = sizes.at(-1)!;
  if (rounds?.step === "positions") assertPlaced(embedding.positions, prefix);
  if (rounds?.discretise) assertTable(embedding, `${prefix}rounds.discretise`);
  if (rounds) assertUnshaped(`${prefix}rounds`, layers.some(reshapes), "a loop with a step or a halt");
  const normAt = (norm: PartSpec, path: string, { where = path, width: own = width } = {}) => {
    const component = families.norms[norm.kind]!;
    const at = { path: `${prefix}${path}`, where: `${prefix}${where}` };
    return buildPart(component, { spec: norm, ...at, dims: (c) => component.dims(c, own) });
  };
  return {
    prefix,
    ...buildBottom(embedding, { vocabulary, width, prefix, shared }),
    layers,
    rounds: rounds && buildRounds(rounds, { width, prefix }),
    route,
    streams: streams && { component: families.streams[streams.kind]!, c: streams },
    histories: buildHistories(spec, { sizes, prefix, built: layers }),
    embeddingNorm: embedding.norm && normAt(embedding.norm, "embeddingNorm", { where: "embedding.norm" }),
    norm: normAt(spec.norm, "norm", reshape),
    reshape,
  };
}

/** Positions that are added before every round are some that are added at all. Throws E_SPEC_ROUNDS. */
function assertPlaced({ kind }: PartSpec, prefix: string): void {
  if (families.positions[kind]!.embed) return;
  fail({
    code: "E_SPEC_ROUNDS",
    where: `${prefix}embedding.positions`,
    expected: 'a scheme that is added to embeddings, as the loop\'s step "positions" adds it before every round',
    got: kind,
    hint: 'Use "positions": {"kind": "sinusoidal"}, or "step": "sinusoidal".',
  });
}

/** Embedding and positions. */
function buildBottom(
  { positions, norm: _, ...token }: EmbeddingSpec,
  { vocabulary, width, prefix, shared }: Below & { vocabulary: number; shared: string | undefined },
): Pick<Stack, "embedding" | "positions"> {
  const embedding = families.embeddings[token.kind]!;
  const position = families.positions[positions.kind]!;
  return {
    embedding: buildPart(embedding, {
      spec: token,
      path: `${prefix}embedding`,
      ...(shared !== undefined && { storage: shared }),
      where: `${prefix}embedding`,
      dims: (c) => embedding.dims(c, width, vocabulary),
    }),
    positions: buildPart(position, {
      spec: positions,
      path: `${prefix}positions`,
      where: `${prefix}embedding.positions`,
      dims: (c) => position.dims(c, width),
    }),
  };
}

interface Below {
  width: number;
  prefix: string;
}

/** States can be tokens again only where tokens have rows. Throws E_SPEC_ROUNDS. */
function assertTable({ kind }: EmbeddingSpec, where: string): void {
  if (kind !== "token")
    fail({ code: "E_SPEC_ROUNDS", where, expected: "an embedding of kind token, whose rows states become", got: kind });
}

const reshapes = ({ sublayers }: Layer): boolean => sublayers.some(({ reshape }) => reshape !== undefined);

/** The layers, and what enters each of them and leaves the last. */
function buildLayers(
  { layers, streams }: StackSpec,
  { width, prefix }: Below,
): { layers: Layer[]; sizes: readonly Reshape[] } {
  const sizes: Reshape[] = [{ width, stride: 1 }];
  let turn = 1;
  const built = layers.map((spec, index) => {
    const below = sizes.at(-1)!;
    const { weights = index } = spec;
    assertUnshaped(`${prefix}layers[${index}].weights`, sizes[weights]!.width !== below.width, "sharing weights");
    const layer = buildLayer(spec, { index, width: below.width, stack: `${prefix}layers`, streams, turn });
    turn += layer.sublayers.length;
    sizes.push({ width: layer.reshape.width, stride: below.stride * layer.reshape.stride });
    return layer;
  });
  return { layers: built, sizes };
}

/** What a mixer takes of earlier layers must be handed on below it. Throws E_SPEC_HANDED. */
function assertHanded(layers: readonly Layer[]): void {
  const known = new Set<string>();
  for (const { component, c, where } of layers.flatMap(mixersOf)) {
    const lack = component.takes?.(c).find((name) => !known.has(name));
    if (lack !== undefined)
      fail({
        code: "E_SPEC_HANDED",
        where,
        expected: `an earlier layer whose mixer hands ${lack} on, as these options require`,
        got: "none",
        hint: "Leave such options out of the first layer of the kind.",
      });
    for (const name of component.hands?.(c) ?? []) known.add(name);
  }
}

/** Every part, bottom to top. */
export const stackParts = ({ embedding, positions, embeddingNorm, layers, rounds, histories, norm }: Stack): Part[] => [
  embedding,
  positions,
  ...(embeddingNorm ? [embeddingNorm] : []),
  ...layers.flatMap((layer, i) => [...(histories[i] ? [histories[i]] : []), ...partsOf(layer)]),
  ...(rounds?.halting ? [rounds.halting] : []),
  ...histories.slice(layers.length),
  norm,
];

interface StackRun {
  context: TraceContext;
  form: "forward" | "step";
  dropoutProb: number;
  extras: Extras;
}

/** Input → the stream below the first layer: [B, T, D], or [B, D] in `step`. */
export function embed(stack: Stack, input: Tensor, { context: given, form, dropoutProb, extras }: StackRun): Tensor {
  const context = onGrid(stack, given);
  const { source, io } = context;
  const { embedding, positions, embeddingNorm } = stack;
  const x = within(embedding.path, () => embedding.component.forward(input, contextOf(embedding, source, io)));
  const placed = within(positions.path, () => positioned(positions, x, { context, form }));
  const normed = embeddingNorm ? runNorm(embeddingNorm, placed, context, extras) : placed;
  return within(embedding.path, () => dropout(normed, dropoutProb, { io, path: embedding.path }));
}

/** With the grid of the embedding's tokens, where it says one. */
function onGrid({ embedding: { component, c } }: Pick<Stack, "embedding">, context: TraceContext): TraceContext {
  const grid = component.grid?.(c);
  return grid ? { ...context, io: { ...context.io, grid } } : context;
}

function positioned(
  positions: Part<Position>,
  x: Tensor,
  { context: { source, io }, form }: Pick<StackRun, "context" | "form">,
): Tensor {
  const { embed } = positions.component;
  if (embed === undefined) return x;
  const at = contextOf(positions, source, io);
  if (form === "forward") return embed(x, io.positions_BT ?? defaultPositions(x, io), at);
  return embed(x.unsqueeze(1), io.positions_BT ?? io.length_B!.unsqueeze(1), at).squeeze(1);
}

/** 0 … T − 1 behind what growing states already hold: i32 [B, T]. */
function defaultPositions(x_BTD: Tensor, io: Io): Tensor {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const along = iota(T).unsqueeze(0);
  return io.length_B ? along.add(io.length_B.unsqueeze(1)) : along.expand([B, T]);
}

/**
 * The stream through all layers and the last norm; the io that parts above it see. Probes `embedding.stream` and
 * `layers.N.stream`: the stream below the first layer and behind each.
 */
export function runStack(
  { prefix, embedding, positions, layers, rounds, route, streams, histories, norm }: Stack,
  embedded: Tensor,
  { context: given, form, dropoutProb, extras }: StackRun,
): { x: Tensor; io: Io } {
  const context = onGrid({ embedding }, given);
  const extra = embedding.component.extraTokens?.(embedding.c) ?? 0;
  const widened = extra === 0 ? context : { ...context, io: withExtraTokens(context.io, extra) };
  const seen = () => ({ ...widened, io: ioOn(extras.reshaped, widened.io) });
  const [open, close] = endsOf(streams);
  const states = [open(embedded)];
  extras.turns = [];
  extras.probes[`${prefix}embedding.stream`] = embedded;
  const turns = startRounds(rounds, widened, {
    table: () => tableOf({ embedding }, widened)!,
    extras,
    place: (x) => within(positions.path, () => positioned(positions, x, { context: widened, form })),
  });
  const detour = startRoute(route, { context: widened, prefix, extras, positionsOf: defaultPositions });
  const startOf = (index: number) => {
    const { stream, ways } = recall(histories[index], states, seen());
    return { x: turns.before(index, stream), ways };
  };
  layers.forEach((layer, index) => {
    const { x: start, ways } = startOf(index);
    const entering = detour.before(index, start);
    const seenBy = { ...widened, io: detour.io(index) };
    const left = runLayer(layer, entering, { context: seenBy, form, dropoutProb, extras, ways });
    states.push(turns.after(index, detour.after(index, left)));
    extras.probes[`${layer.path}.stream`] = close(states.at(-1)!);
  });
  const x = close(withoutTape(startOf(layers.length).x, { streams, form, context: widened, extras }));
  // Norms may be of the whole sequence, so tokens are chosen behind the last one.
  const { io } = seen();
  const normed = runNorm(norm, x, { ...widened, io }, extras);
  return { x: context.read_BR ? readTokens(normed, context.read_BR) : normed, io };
}

/** The rows of an embedding, where it has any. */
export function tableOf(
  { embedding }: Pick<Stack, "embedding">,
  { source, io }: Pick<TraceContext, "source" | "io">,
): Tensor | undefined {
  const at = contextOf(embedding, source, io);
  return embedding.component.table?.(at) ?? at.p["table"]?.tensor;
}

/** One stream to what the layers pass on, and back. */
function endsOf(streams: Stack["streams"]): [open: (x: Tensor) => Tensor, close: (x: Tensor) => Tensor] {
  if (streams === undefined) return [(x) => x, (x) => x];
  const { component, c } = streams;
  return [(x) => openStreams(x, component.count(c)), component.close];
}

/** The last streams, in training with a gradient that keeps no activations where their turns can be undone. */
function withoutTape(
  last: Tensor,
  { streams, form, context, extras: { turns = [] } }: Omit<StackRun, "dropoutProb"> & Pick<Stack, "streams">,
): Tensor {
  const undo = form === "forward" && context.io.mode === "train" ? streams?.component.undo : undefined;
  return (undo && turns.at(-1)?.after === last ? recomputedTurns(turns, undo) : undefined) ?? last;
}

/** Tokens that the embedding put in front are always real. */
function withExtraTokens(io: Io, extra: number): Io {
  if (!io.mask_BT) return io;
  return { ...io, mask_BT: concat(1, [full([io.mask_BT.dim(0), extra], 1, "bool"), io.mask_BT]) };
}

/** Vectors of some tokens of each sequence: x [B, T, D], read i32 [B, R] → [B, R, D]. */
function readTokens(x_BTD: Tensor, read_BR: Tensor): Tensor {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const rows_BR = read_BR.add(iota(B).mul(T).unsqueeze(1));
  return x_BTD.reshape([B * T, -1]).gather(0, rows_BR);
}
