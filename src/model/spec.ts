import type { PlainOdeMethod } from "../ops/index.ts";
import type { InitScheme } from "./init-scheme.ts";

/** A component and its options, in canonical form: every default filled. */
export interface PartSpec {
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** Where a norm may stand around a sublayer F joined to x: x + output(F(input(x))), the sum normed by `sum`. */
export type NormSite = "input" | "output" | "sum";

/**
 * Where a sublayer's norms stand. pre: x + F(N(x)) (GPT-2); post: N(x + F(x)) (Vaswani et al. 2017);
 * peri: x + N'(F(N(x))) (Kim et al. 2025, arXiv 2502.02732, eq. 3; the same layer as CogView's sandwich norm and Gemma 2's);
 * res-post: x + N(F(x)) (Swin v2, OLMo 2); pre-and-post: N'(x + F(N(x))) (the end of a Conformer block); none: x + F(x).
 */
export const normSites = {
  pre: ["input"],
  post: ["sum"],
  peri: ["input", "output"],
  "res-post": ["output"],
  "pre-and-post": ["input", "sum"],
  none: [],
} as const satisfies Record<string, readonly NormSite[]>;

export type Placement = keyof typeof normSites;
export const placements = Object.keys(normSites) as [Placement, ...Placement[]];

/**
 * How a layer's sublayers follow each other. serial: the channel mixer reads the mixer's sum; parallel: all read the
 * layer's input through one norm and join it together, x + A(N(x)) + F(N(x)) (GPT-J, PaLM); parallel-norms: each through a
 * norm of its own, x + A(N₁(x)) + F(N₂(x)) (GPT-NeoX, Falcon 40B).
 */
export const wirings = ["serial", "parallel", "parallel-norms"] as const;
export type Wiring = (typeof wirings)[number];

/** Options of one sublayer; what is left out is the layer's. */
export interface SublayerSpec {
  /** What a further sublayer computes, either of the two: `mixer`, `cross` and `channel` stand in the layer itself. */
  readonly mixer?: PartSpec;
  readonly channel?: PartSpec;
  readonly norm?: PartSpec;
  readonly placement?: Placement;
  readonly residual?: PartSpec;
}

/** Sublayers that have a place of their own in a layer. */
export const slots = ["mixer", "cross", "channel"] as const;

/** One layer: token mixer, cross attention if any, then channel mixer (kind `none` leaves that sublayer out). */
export interface LayerSpec {
  readonly mixer: PartSpec;
  /** Reads the encoder's output. */
  readonly cross?: PartSpec;
  readonly channel: PartSpec;
  readonly norm: PartSpec;
  readonly placement: Placement;
  readonly residual: PartSpec;
  /** Left out: serial. */
  readonly wiring?: Wiring;
  /** Names of all its sublayers in the order of computation; left out: mixer, cross, channel. */
  readonly order?: readonly string[];
  /** Options of its sublayers by name, and further sublayers, which `order` then names. */
  readonly sublayers?: Readonly<Record<string, SublayerSpec>>;
  /** Index of the earlier layer whose weights this one uses; left out: its own. */
  readonly weights?: number;
}

/**
 * How the encoder's final states serve the decoder. none: not at all; state: those of encoder layer i are the start of
 * decoder layer i, whose mixer is of the same kind and size (Sutskever et al. 2014).
 */
export const bridges = ["none", "state"] as const;

/** Layers [start, start + length · times) are rounds of one another: what a loop with a step or a halt becomes. */
export interface RoundsSpec {
  readonly start: number;
  readonly length: number;
  readonly times: number;
  /** Added to the stream in front of each round. */
  readonly step: (typeof roundSteps)[number];
  /** The stream is carried on by a Runge–Kutta method, each of whose evaluations is a round: see `startSteps`. */
  readonly solver?: { readonly method: PlainOdeMethod; readonly size: number };
  /** What a round leaves is replaced by the nearest row of the embedding's table, behind all rounds but the last. */
  readonly discretise?: true;
  /** Tokens stop by themselves once their probabilities pass the threshold; `cost` weighs the rounds they take in the loss. */
  readonly halt?: { readonly threshold: number; readonly cost: number };
}

/** In training some tokens go around the layers `from` to `to`, unchanged; `ratio` of them, drawn anew each time. */
export interface RouteSpec {
  readonly from: number;
  readonly to: number;
  readonly ratio: number;
}

/** positions: sines of the round's number, and the stack's positions again (Dehghani et al. 2019, eq. 6 and 7). */
export const roundSteps = ["none", "sinusoidal", "positions"] as const;

/** What stands below the first layer. */
export type EmbeddingSpec = PartSpec & {
  readonly positions: PartSpec;
  /** On the sum of embedding and positions (BERT); left out: none. */
  readonly norm?: PartSpec;
};

/** The stack that reads the source. */
export interface EncoderSpec {
  /** Left out: the decoder's table serves both; positions and norm are the encoder's own. */
  readonly embedding?: PartSpec;
  readonly positions: PartSpec;
  readonly layers: readonly LayerSpec[];
  readonly rounds?: RoundsSpec;
  /** Left out: all tokens go through all layers. */
  readonly route?: RouteSpec;
  /** Left out: one residual stream. */
  readonly streams?: PartSpec;
  /** Left out: each layer starts from what the one below left. */
  readonly history?: PartSpec;
  /** After the last layer. */
  readonly norm: PartSpec;
  readonly bridge: (typeof bridges)[number];
}

/** A head beside the main one. */
export interface FurtherHeadSpec {
  readonly head: PartSpec;
  /** Which coming token it answers: 1 the next, as the main head. */
  readonly ahead: number;
  /** Of its loss in the sum that is trained. */
  readonly weight: number;
}

/** A model as data, in canonical form: sugar expanded, defaults filled. Stored with every run. */
export interface ModelSpec {
  readonly name: string;
  readonly title: string;
  /** D, the width of the residual stream. */
  readonly width: number;
  readonly embedding: EmbeddingSpec;
  /** Left out: one stack alone. */
  readonly encoder?: EncoderSpec;
  readonly layers: readonly LayerSpec[];
  /** Left out: looped layers know nothing of their round. */
  readonly rounds?: RoundsSpec;
  /** Left out: all tokens go through all layers, in training too. */
  readonly route?: RouteSpec;
  /** Several residual streams in the place of one and of the layers' residual; left out: one. */
  readonly streams?: PartSpec;
  /** What layers read of earlier ones; left out: each starts from what the one below left. */
  readonly history?: PartSpec;
  /** After the last layer. */
  readonly norm: PartSpec;
  readonly head: PartSpec;
  /** Heads that count in training only; left out: none. */
  readonly heads?: readonly FurtherHeadSpec[];
  /** Patterns of parameters that are one, see `ownersOf`; left out: none beyond what layers and heads say. */
  readonly ties?: readonly string[];
  /** How matrices start; left out: as their parts declare, normal with variance 1 / inputs. */
  readonly init?: InitScheme;
  /** Probability of dropping an element of the embedding's and each sublayer's output in training. */
  readonly dropout: number;
  readonly objective: PartSpec;
}

/** Names of a layer's sublayers in the order of computation. */
export function sublayersOf({ cross, channel, order }: LayerSpec): readonly string[] {
  if (order !== undefined) return order;
  return slots.filter((slot) => (slot === "cross" ? cross : slot === "channel" ? channel.kind !== "none" : true));
}
