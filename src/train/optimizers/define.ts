import type { z } from "zod";
import type { Citation } from "../../blocks/index.ts";
import type { Shape, Tensor } from "../../tensor/index.ts";

/** The learning rate of step t = 1, 2, …. */
export type RateAt = (t: number) => number;

/** A value by config; as a method's type, so that definitions of any config can be handled as one type. */
type ByConfig<C, T> = { of(c: C): T }["of"];

/** What an update sees. */
export interface UpdateContext<C, S extends string, N extends string> {
  /** The parameter, after decoupled weight decay. */
  p: Tensor;
  /** Its gradient, after clipping, maximisation and coupled weight decay. */
  g: Tensor;
  slots: Readonly<Record<S, Tensor>>;
  /** Those of `scalarsAt`, and the learning rate and weight decay of this step and group; all f32 []. */
  scalars: Readonly<Record<N | "learningRate" | "weightDecay", Tensor>>;
  c: C;
}

/** What every optimizer's config holds. */
export interface RateConfig {
  learningRate: number;
  weightDecay: number;
}

/** An optimizer, declared once. */
export interface OptimizerDefinition<
  K extends string,
  Z extends z.ZodObject,
  S extends string,
  N extends string,
  T extends string = never,
> {
  /** As in configs; equals the file's name. */
  kind: K;
  title: string;
  cite: Citation;
  /** A strict object with `learningRate`, `weightDecay` and, unless the update decays by itself, `decay`. */
  config: Z;
  /** "tensor" where the update reduces or multiplies whole parameters or reads totals; elementwise ones run as kernels. */
  scope?: "element" | "tensor" | ByConfig<z.output<Z>, "element" | "tensor">;
  /** Per-parameter state, zero before the first step. */
  slots: readonly S[] | ByConfig<z.output<Z>, readonly S[]>;
  /** The slots of a parameter and their shapes, where they are not all of its own shape ("tensor" only). */
  slotShapes?(shape: Shape, c: z.output<Z>): { readonly [K in S]?: Shape };
  /** Numbers of step t = 1, 2, …; called once a run, so that sums over steps can be kept (`foldSteps`). */
  scalarsAt?(c: z.output<Z>, rate: RateAt): (t: number) => Readonly<Record<N, number>>;
  /** Sums over all parameters that the update reads among its scalars, see `UpdateRule`; `p` is the parameter before it moves. */
  totals?: { names: readonly T[]; terms(at: UpdateContext<z.output<Z>, S, N>): { readonly [K in T]: Tensor } };
  /** What moves the parameters that are no matrices, where this optimizer is not for them. */
  others?(c: z.output<Z>): { definition: AnyOptimizer; c: RateConfig };
  /** The slot that evaluation uses in place of the parameters. */
  evaluates?: S;
  /** The next parameter and the next value of every slot. */
  update(at: UpdateContext<z.output<Z>, S, N | T>): { p: Tensor; slots: { readonly [K in S]?: Tensor } };
}

/** Any of them, for code that handles all. */
export type AnyOptimizer = OptimizerDefinition<string, z.ZodObject, string, string, string>;

/** Returns its argument with its own type, so that `update` sees the declared config, slots and scalars. */
export const defineOptimizer = <
  const K extends string,
  Z extends z.ZodObject,
  const S extends string,
  N extends string = never,
  const T extends string = never,
>(
  definition: OptimizerDefinition<K, Z, S, N, T>,
): OptimizerDefinition<K, Z, S, N, T> => definition;
