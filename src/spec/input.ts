/** A spec as TypeScript writes it: kinds and their options are completed and checked by the compiler. */
import type { z } from "zod";
import type { TypedFamilies } from "../blocks/index.ts";
import type { EncoderSpec, InitScheme, Placement, RoundsSpec, Wiring } from "../model/index.ts";
import type { PlainOdeMethod } from "../ops/index.ts";
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
  readonly placement?: Placement | "sandwich";
  /** How a sublayer's output joins its input. */
  readonly residual?: PartInput<TypedFamilies["residuals"]>;
  readonly wiring?: Wiring;
}

/** A sublayer's own options; what it computes where it is a further one. */
interface SublayerInput extends Omit<LayerDefaultsInput, "wiring"> {
  readonly mixer?: PartInput<TypedFamilies["mixers"]>;
  readonly channel?: PartInput<TypedFamilies["channels"]>;
}

interface LayerInput extends LayerDefaultsInput {
  readonly mixer: PartInput<TypedFamilies["mixers"]>;
  /** Left out: none. */
  readonly channel?: PartInput<TypedFamilies["channels"]>;
  /** Names of all sublayers in the order of computation. */
  readonly order?: readonly string[];
  readonly sublayers?: Readonly<Record<string, SublayerInput>>;
  /** Index of the earlier, equal layer whose weights this one uses. */
  readonly weights?: number;
}

/** A layer of a stack that writes; `cross` reads the encoder's output. */
interface DecoderLayerInput extends LayerInput {
  readonly cross?: PartInput<
    Pick<TypedFamilies["mixers"], "cross-attention" | "linear-cross-attention" | "linformer-cross" | "performer-cross">
  >;
}

/** Equal layers in a row, with one set of weights where shared. */
type Repeated<L> = L & { readonly repeat?: number; readonly share?: boolean };

/** Layers `from` to `to` run `times` times after one another with the same weights. */
interface LoopInput {
  readonly times: number;
  readonly from?: number;
  readonly to?: number;
  /** Added to the stream in front of each round. */
  readonly step?: RoundsSpec["step"];
  /** Behind every round but the last, states become the nearest rows of the embedding's table. */
  readonly discretise?: true;
  /** Each of the `times` is a step of this Runge–Kutta method. */
  readonly solver?: { readonly method: PlainOdeMethod; readonly size?: number };
  /** Tokens stop after as many rounds as they need. */
  readonly halt?: { readonly threshold?: number; readonly cost?: number };
}

/** `ratio` of the tokens, left out: half of them, skip layers `from` to `to` in training. */
interface RouteInput {
  readonly from: number;
  readonly to: number;
  readonly ratio?: number;
}

type LayersInput<L> = readonly Repeated<L>[] | PatternInput<L>;

/** The stack as names of parts, such as "m*7 a". */
interface PatternInput<L> {
  readonly pattern: string;
  readonly parts: Readonly<Record<string, L>>;
}

/** The stack that reads the source. */
interface EncoderInput {
  /** Left out: the decoder's table serves both. */
  readonly embedding?: PartInput<TypedFamilies["embeddings"]>;
  /** Left out: the decoder's scheme. */
  readonly positions?: PartInput<TypedFamilies["positions"]>;
  readonly layers: LayersInput<LayerInput>;
  readonly loop?: LoopInput;
  /** In training some tokens go around these layers. */
  readonly route?: RouteInput;
  readonly streams?: PartInput<TypedFamilies["streams"]>;
  readonly history?: PartInput<TypedFamilies["histories"]>;
  readonly norm?: PartInput<TypedFamilies["norms"]>;
  readonly bridge?: EncoderSpec["bridge"];
}

/** A spec as a person writes it; `canonicalSpec` expands it and fills in the defaults. */
export interface SpecInput {
  readonly name: string;
  readonly title?: string;
  /** D, width of the residual stream. */
  readonly width: number;
  readonly embedding?: PartInput<TypedFamilies["embeddings"]> & {
    readonly positions?: PartInput<TypedFamilies["positions"]>;
    /** On the sum of embedding and positions. */
    readonly norm?: PartInput<TypedFamilies["norms"]>;
  };
  readonly defaults?: LayerDefaultsInput;
  readonly encoder?: EncoderInput;
  readonly layers: LayersInput<DecoderLayerInput>;
  readonly loop?: LoopInput;
  /** In training some tokens go around these layers. */
  readonly route?: RouteInput;
  /** Several residual streams in the place of one. */
  readonly streams?: PartInput<TypedFamilies["streams"]>;
  /** What layers read of earlier ones. */
  readonly history?: PartInput<TypedFamilies["histories"]>;
  /** After the last layer; left out: the layers' norm. */
  readonly norm?: PartInput<TypedFamilies["norms"]>;
  readonly head?: PartInput<TypedFamilies["heads"]>;
  /** Heads beside the main one that answer tokens further ahead, in training only. */
  readonly heads?: readonly {
    readonly head: PartInput<Pick<TypedFamilies["heads"], "lm">>;
    readonly ahead?: number;
    readonly weight?: number;
  }[];
  /** Patterns of parameters that are one, such as "layers.*.channel.**". */
  readonly ties?: readonly string[];
  /** How matrices start; left out: as their parts declare. */
  readonly init?: InitScheme;
  readonly dropout?: number;
  readonly objective?: PartInput<typeof objectives>;
}
