import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import type { ChannelContext, Io, Position } from "../define.ts";
import { erase } from "../erased.ts";
import { positions } from "../generated/positions.ts";
import type { ParameterDeclaration } from "../weights/declare.ts";
import type { Weight } from "../weights/use.ts";

type Fields<T = unknown> = Record<string, T>;

/** A position scheme's kind and options, as they stand in a mixer's config. */
export interface PositionChoice {
  readonly kind: string;
  readonly [option: string]: unknown;
}

const schemes = erase<"positions">(positions);

/** Schemes that act on queries, keys or scores; `none` acts on nothing. */
const members = Object.values(schemes)
  .filter(({ kind, rotate, bias }) => rotate !== undefined || bias !== undefined || kind === "none")
  .map(({ kind, title, config }) =>
    (config as unknown as z.ZodObject).extend({ kind: z.literal(kind).describe(title) }),
  );

export const attentionPositions: z.ZodType<PositionChoice> = z
  .discriminatedUnion("kind", members as unknown as [z.ZodObject<{ kind: z.ZodLiteral<string> }>])
  .prefault({ kind: "none" })
  .describe(
    "position scheme that turns queries and keys or is added to scores",
  ) as unknown as z.ZodType<PositionChoice>;

const prefix = "positions.";
const nest = <T>(fields: Fields<T>): { [name: `${typeof prefix}${string}`]: T } =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${prefix}${name}`, value]));
const unnest = <T>(fields: Readonly<Fields<T>>): Fields<T> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );

/** Sizes around a scheme that it may ask for beside the head size. */
export interface AroundPositions {
  /** Query heads. */
  heads: number;
  kvHeads: number;
  /** Model width. */
  model: number;
}
type PositionDims = (c: Fields, width: number, heads: number, around: AroundPositions) => Fields;

/** The scheme's sizes, as fields of the mixer's; `positions.rotated` is the width of rotated heads, where it changes. */
export function positionDims(
  choice: PositionChoice,
  { K, ...around }: AroundPositions & { K: number },
): { [name: `positions.${string}`]: unknown } {
  const dims: PositionDims = schemes[choice.kind]!.dims;
  return nest(dims(optionsOf(choice), K, around.heads, around));
}

/** The scheme's parameters, as fields of the mixer's. */
export function positionParams(
  choice: PositionChoice,
  d: Fields,
): { [name: `positions.${string}`]: ParameterDeclaration } {
  return nest(schemes[choice.kind]!.params(unnest(d), optionsOf(choice)));
}

/** Width of heads of K features as the scheme leaves them, and as keys are cached. */
export const rotatedSize = (d: Readonly<Fields> & { K: number }): number =>
  (d[`${prefix}rotated`] as number | undefined) ?? d.K;

const optionsOf = ({ kind: _, ...options }: PositionChoice): Fields => options;

export type Side = "query" | "key";

/** The block of scores that a bias is for. */
interface BiasedBlock {
  queries_BT: Tensor;
  keys_BS: Tensor;
  heads: number;
  /** The mixer's input at the queries: [B, T, D]. */
  x_BTD: Tensor;
  /** Queries and keys as they meet, [B, H, T, K] and [B, kvHeads, S, K], and the factor on their product. */
  q_BHTK: Tensor;
  k_BGSK: Tensor;
  scale: number;
}

/** What the scheme does, with its own config, sizes and weights taken out of the mixer's. */
export interface PositionHooks {
  /** x [B, H, T, K], positions i32 [B or 1, T]. */
  rotate(x_BHTK: Tensor, positions_BT: Tensor, side: Side): Tensor;
  /** Undefined where the scheme adds nothing to scores. */
  bias?: (block: BiasedBlock) => Tensor;
}

export function positionHooks(
  choice: PositionChoice,
  { d, p, io }: { d: Fields; p: Readonly<Fields<Weight>>; io: Io },
): PositionHooks {
  const { rotate, bias }: Position = schemes[choice.kind]!;
  const at: ChannelContext<Fields, Fields, Fields<ParameterDeclaration>> = {
    c: optionsOf(choice),
    d: unnest(d),
    p: unnest(p),
    b: {},
    io,
  };
  return {
    rotate(x, positions_BT, side) {
      // Schemes that treat queries and keys alike do not look at the side.
      const sided = { ...at, side };
      return rotate?.(x, positions_BT, sided) ?? x;
    },
    ...(bias && { bias: (block) => bias({ ...at, ...block }) }),
  };
}
