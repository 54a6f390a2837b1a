import { type Embedding, families, type Io, type Norm, type Position } from "../blocks/index.ts";
import { concat, fail, full, iota, type Tensor, within } from "../tensor/index.ts";
import { dropout } from "./dropout.ts";
import { buildLayer, type Extras, type Layer, mixersOf, partsOf } from "./layer.ts";
import type { TraceContext } from "./model.ts";
import { buildPart, contextOf, type Part } from "./part.ts";
import { runLayer, runNorm } from "./run-layer.ts";
import type { EmbeddingSpec, LayerSpec, PartSpec } from "./spec.ts";

/** An embedding, layers and a last norm. */
export interface Stack {
  /** Prefix of all draws: empty, or `encoder.`. */
  prefix: string;
  embedding: Part<Embedding>;
  positions: Part<Position>;
  embeddingNorm: Part<Norm> | undefined;
  layers: readonly Layer[];
  norm: Part<Norm>;
}

/** What a stack is built from. */
interface StackSpec {
  embedding: EmbeddingSpec;
  layers: readonly LayerSpec[];
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
  const { positions, norm: embeddingNorm, ...token } = spec.embedding;
  const embedding = families.embeddings[token.kind]!;
  const position = families.positions[positions.kind]!;
  const normAt = (norm: PartSpec, path: string, where = path) => {
    const component = families.norms[norm.kind]!;
    const at = { path: `${prefix}${path}`, where: `${prefix}${where}` };
    return buildPart(component, { spec: norm, ...at, dims: (c) => component.dims(c, width) });
  };
  const layers = spec.layers.map((layer, index) => buildLayer(layer, { index, width, stack: `${prefix}layers` }));
  assertHanded(layers);
  return {
    prefix,
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
    layers,
    embeddingNorm: embeddingNorm && normAt(embeddingNorm, "embeddingNorm", "embedding.norm"),
    norm: normAt(spec.norm, "norm"),
  };
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
export const stackParts = ({ embedding, positions, embeddingNorm, layers, norm }: Stack): Part[] => [
  embedding,
  positions,
  ...(embeddingNorm ? [embeddingNorm] : []),
  ...layers.flatMap(partsOf),
  norm,
];

interface StackRun {
  context: TraceContext;
  form: "forward" | "step";
  dropoutProb: number;
  extras: Extras;
}

/** Input → the stream below the first layer: [B, T, D], or [B, D] in `step`. */
export function embed(stack: Stack, input: Tensor, { context, form, dropoutProb, extras }: StackRun): Tensor {
  const { source, io } = context;
  const { embedding, positions, embeddingNorm } = stack;
  const x = within(embedding.path, () => embedding.component.forward(input, contextOf(embedding, source, io)));
  const placed = within(positions.path, () => positioned(positions, x, { context, form }));
  const normed = embeddingNorm ? runNorm(embeddingNorm, placed, context, extras) : placed;
  return within(embedding.path, () => dropout(normed, dropoutProb, { io, path: embedding.path }));
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
  { prefix, embedding, layers, norm }: Stack,
  embedded: Tensor,
  { context, form, dropoutProb, extras }: StackRun,
): { x: Tensor; io: Io } {
  const extra = embedding.component.extraTokens?.(embedding.c) ?? 0;
  const widened = extra === 0 ? context : { ...context, io: withExtraTokens(context.io, extra) };
  let x = embedded;
  extras.probes[`${prefix}embedding.stream`] = x;
  for (const layer of layers) {
    x = runLayer(layer, x, { context: widened, form, dropoutProb, extras });
    extras.probes[`${layer.path}.stream`] = x;
  }
  // Norms may be of the whole sequence, so tokens are chosen behind the last one.
  const normed = runNorm(norm, x, widened, extras);
  return { x: context.read_BR ? readTokens(normed, context.read_BR) : normed, io: widened.io };
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
