/** A spec as TypeScript writes it: kinds and their options are completed and checked by the compiler. */
import type { z } from "zod";
import type { TypedFamilies } from "../blocks/index.ts";
import type { Placement, Wiring } from "../model/index.ts";
import type { objectives } from "./objectives.ts";

/** Options that are components themselves may leave theirs out too. */
type Nested<T> = T extends { kind: infer K } ? { readonly kind: K } & Partial<Omit<T, "kind">> : T;

/** Every option may be left out; a config without any is a record of nothing. */
type Options<C> = string extends keyof C ? unknown : { readonly [O in keyof C]?: Nested<C[O]> };

/** One of a family's components: its kind, and any of its options. */
type PartInput<F> = {
  [K in keyof F & string]: F[K] extends { config: infer S extends z.ZodType }
    ? { readonly kind: K } & Options<z.output<S>>
    : never;
}[keyof F & string];

interface LayerDefaultsInput {
  /** Norm of both sublayers. */
  readonly norm?: PartInput<TypedFamilies["norms"]>;
  readonly placement?: Placement;
  /** How a sublayer's output joins its input. */
  readonly residual?: PartInput<TypedFamilies["residuals"]>;
  readonly wiring?: Wiring;
}

interface LayerInput extends LayerDefaultsInput {
  readonly mixer: PartInput<TypedFamilies["mixers"]>;
  /** Left out: none. */
  readonly channel?: PartInput<TypedFamilies["channels"]>;
}

/** The stack as names of parts, such as "m*7 a". */
interface PatternInput {
  readonly pattern: string;
  readonly parts: Readonly<Record<string, LayerInput>>;
}

/** A spec as a person writes it; `canonicalSpec` expands it and fills in the defaults. */
export interface SpecInput {
  readonly name: string;
  readonly title?: string;
  /** D, width of the residual stream. */
  readonly width: number;
  readonly embedding?: PartInput<TypedFamilies["embeddings"]> & {
    readonly positions?: PartInput<TypedFamilies["positions"]>;
  };
  readonly defaults?: LayerDefaultsInput;
  readonly layers: readonly (LayerInput & { readonly repeat?: number })[] | PatternInput;
  /** After the last layer; left out: the layers' norm. */
  readonly norm?: PartInput<TypedFamilies["norms"]>;
  readonly head?: PartInput<TypedFamilies["heads"]>;
  readonly dropout?: number;
  readonly objective?: PartInput<typeof objectives>;
}
