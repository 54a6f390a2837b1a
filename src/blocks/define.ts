import type { z } from "zod";
import type { Random, Regrid } from "../ops/index.ts";
import type { Shape, Tensor } from "../tensor/index.ts";
import type { Pattern } from "./patterns.ts";
import type { ParameterDeclaration } from "./weights/declare.ts";
import type { Weights } from "./weights/use.ts";

/** What a component promises; the suites run every law that follows, and the opposite of what is declared absent. */
export interface Capabilities {
  /** Whether output t may depend on later inputs. */
  flow: "causal" | "bidirectional" | "both" | "causal-values-only";
  /** What decoding carries: constant size, growing with context, or decoding is impossible. */
  state: "finite" | "growing" | "none";
  length: "any" | "max" | "fixed";
  batch: "independent" | "coupled in training" | "coupled";
  smooth: "everywhere" | "away from ties" | "surrogate";
  exact: "bitwise" | "rounding";
}

/** Optional inputs a component may declare that it reads (`reads`). */
export type IoField = "ids_BT" | "mask_BT" | "positions_BT" | "dt_BT" | "segments_BT" | "memory" | "cond_BTD" | "grid";

/** Those without which a component that reads them cannot work; the others mean something where they are absent. */
export const indispensable: readonly IoField[] = ["ids_BT", "memory", "cond_BTD"];

/** A second sequence beside a component's input. */
export interface Memory {
  /** f32 [B, S, D]. */
  x_BSD?: Tensor;
  /** bool [B, S], true at real tokens; absent means all. */
  mask_BS?: Tensor;
}

/** Everything a component may know beside its input. */
export interface Io {
  /** i32 [B, T] ([B, 1] in `step`): the tokens' ids, where the stack reads ids (routing by hash). */
  ids_BT?: Tensor;
  /** bool [B, T], true at real tokens. */
  mask_BT?: Tensor;
  /** i32 [B, T]; absent means 0 … T − 1 after `length_B`. */
  positions_BT?: Tensor;
  /** f32 [B, T], time since the previous token, in the data's unit. */
  dt_BT?: Tensor;
  /** i32 [B, T]: tokens of different segments do not see each other. */
  segments_BT?: Tensor;
  /** What an encoder made of the source, S tokens: absent `x_BSD` where states already hold what is needed of it. */
  memory?: Memory;
  /** f32 [B, T, C] or [B, 1, C]: what the output is conditioned on, beside the tokens. */
  cond_BTD?: Tensor;
  grid?: readonly [height: number, width: number];
  /** i32 [B]: tokens already in growing states; absent means none. In `step`, also the position of the new token. */
  length_B?: Tensor;
  mode: "train" | "eval";
  /** What earlier layers handed on (`Result.handed`), the latest of each name. */
  handed?: Readonly<Record<string, Tensor | undefined>>;
  /** A stream of random draws, its path below the component's own. */
  rng(label: string): Random;
}

/** A state that grows with context: `shape(n)` for n tokens per sequence, entries along `axis`. */
export interface GrowingState {
  shape: (tokens: number) => Shape;
  /** Axis of the tokens in `shape(n)`. */
  axis: number;
  /** Only the last `window` entries are kept, entry t at slot t mod window. */
  window?: number;
}

/** A state of constant size per sequence; `start` is the value of every element before the first token (0 if absent). */
export interface FiniteState {
  shape: Shape;
  start?: number;
}

/**
 * What a component keeps of the memory, whose tokens lie along `axis`: `forward` returns it where it is given `io.memory.x_BSD`,
 * and it stays as it is while the text grows.
 */
export interface MemoryState {
  memory: (sourceTokens: number) => Shape;
  axis: number;
}

/** One field of a component's state, per sequence: the engine adds the batch axis in front. A shape alone starts at 0. */
export type StateDeclaration = Shape | FiniteState | GrowingState | MemoryState;

export type StateOf<S> = { readonly [K in keyof S]: Tensor };
/** Absent fields stand for the declared start, which `forward` may then skip. */
export type MaybeState<S> = { readonly [K in keyof S]?: Tensor | undefined };

/** A routing or regularisation loss for the objective: total loss += weight · value (f32 []). */
export interface AuxiliaryLoss {
  name: string;
  value: Tensor;
  weight: number;
  /**
   * Where `value` = of(samples), and samples [B, T, ...] of all passes through the same weights (rounds of a loop) are to be
   * taken as those of one: the model joins them along axis 1.
   */
  pool?: { samples: Tensor; of: (samples: Tensor) => Tensor };
}

/** What `forward` and `step` return. For growing fields `s` holds only the new entries; the engine appends them. */
export interface Result<S> {
  y: Tensor;
  s: StateOf<S>;
  losses?: readonly AuxiliaryLoss[];
  /** Next values of buffers by name. */
  buffers?: Readonly<Record<string, Tensor>>;
  /** Named tensors for hooks. */
  probes?: Readonly<Record<string, Tensor>>;
  /** Values that mixers of later layers may read as `io.handed`. */
  handed?: Readonly<Record<string, Tensor>>;
  /** The grid of the output's tokens, where it is not the input's (`Mixer.reshapes`). */
  reshaped?: Regrid;
}

export interface Citation {
  by: string;
  title?: string;
  arxiv?: string;
  url?: string;
}

type Config = Record<string, unknown>;
type Dims = Record<string, unknown>;
type Params = Record<string, ParameterDeclaration>;
type States = Record<string, StateDeclaration>;

/** What every kind of component declares. */
interface Component<C extends Config, D extends Dims, P extends Params> {
  /** As in specs; equals the file's name. */
  kind: string;
  title: string;
  cite: Citation;
  /** The recurring ideas it is made of, whatever its options (`patterns.ts`); absent: none of them. */
  patterns?: readonly Pattern[];
  /** The defining equations, one a line, plain text. */
  equations: readonly string[];
  config: z.ZodType<C>;
  /** Sizes from the config and the model width; a size that is not a positive integer is rejected with its spec path. */
  dims: (c: C, width: number) => D;
  params: (d: D, c: C) => P;
  /** Tensors without gradient, updated by the step and saved: shapes, all starting at 0. */
  buffers?: (d: D, c: C) => Record<string, Shape>;
  /** Config values by which parameter counts are equalised, most useful first, with the unit of change. */
  tune?: readonly { key: keyof C & string; unit: number }[];
  reads?: readonly IoField[];
  /** Of those, what this config cannot do without; absent: the indispensable ones. */
  needs?: (c: C) => readonly IoField[];
}

/** What a mixer makes of the stream's width and of its grid. */
export interface Reshape {
  width: number;
  stride: number;
}

/** Streams of their own that a mixer takes queries, keys and values from, shaped like its input and normed as it is. */
export interface Ways {
  queries: Tensor;
  keys: Tensor;
  values: Tensor;
}

export interface MixerContext<C, D, P, S> {
  c: C;
  d: D;
  p: Weights<P>;
  s: S;
  b: Readonly<Record<string, Tensor>>;
  io: Io;
  /** Only for mixers that say `ways`. */
  ways?: Ways | undefined;
}

/** A token mixer: forward over [B, T, D] (training, prefill) and, unless `state: none`, step over [B, D] (decoding). */
export interface Mixer<
  C extends Config = Config,
  D extends Dims = Dims,
  P extends Params = Params,
  S extends States = States,
> extends Component<C, D, P> {
  capabilities: Capabilities | ((c: C) => Capabilities);
  state: (d: D, c: C) => S;
  /** Names of the values that `forward` hands on to later layers, and of those that it cannot work without. */
  hands?: (c: C) => readonly string[];
  takes?: (c: C) => readonly string[];
  /** Whether it can take queries, keys and values from streams of their own. */
  ways?: true;
  /**
   * Where the output's width or grid is not the input's: its width, and cells of the input's grid a cell of the output's along
   * one axis (2 after a stride of 2, 1/2 after up-sampling). Undefined where they are the input's.
   */
  reshapes?: (c: C, width: number) => Reshape | undefined;
  forward: (x_BTD: Tensor, at: MixerContext<C, D, P, MaybeState<S>>) => Result<S>;
  step?: (x_BD: Tensor, at: MixerContext<C, D, P, StateOf<S>>) => Result<S>;
}

export interface ChannelContext<C, D, P> {
  c: C;
  d: D;
  p: Weights<P>;
  b: Readonly<Record<string, Tensor>>;
  io: Io;
}

/** A channel mixer: x [..., D] → [..., D], the same for every token (routers may couple tokens: `capabilities.batch`). */
export interface Channel<C extends Config = Config, D extends Dims = Dims, P extends Params = Params>
  extends Component<C, D, P> {
  capabilities: Omit<Capabilities, "state"> | ((c: C) => Omit<Capabilities, "state">);
  /** Parameters that act on one token (all unless routed). */
  activeParams?: (d: D, c: C) => number;
  forward: (x: Tensor, at: ChannelContext<C, D, P>) => Omit<Result<never>, "s">;
}

/** A norm over the last axis (or over batch and time: `buffers`). */
export interface Norm<C extends Config = Config, D extends Dims = Dims, P extends Params = Params>
  extends Component<C, D, P> {
  /** Absent: each token alone. */
  capabilities?: (c: C) => Omit<Capabilities, "state">;
  forward: (x: Tensor, at: ChannelContext<C, D, P>) => Omit<Result<never>, "s">;
}

/** How a sublayer's output joins its input. */
export interface Residual<C extends Config = Config, D extends Dims = Dims, P extends Params = Params>
  extends Omit<Component<C, D, P>, "dims"> {
  /** `out`: the width of y, where it is not that of x. */
  dims: (c: C, width: number, out?: number) => D;
  /** Whether y may have another width and grid than x. */
  fits?: true;
  forward: (x: Tensor, y: Tensor, at: ChannelContext<C, D, P> & { reshaped?: Regrid | undefined }) => Tensor;
}

/** A sublayer's turn at several streams. */
export interface StreamTurn {
  /** [..., D] */
  input: Tensor;
  /** The streams after its output y [..., D]. */
  write: (y: Tensor) => Tensor;
}

/** A sublayer's turn, seen from the streams behind it. */
export interface UndoneTurn {
  /** What the sublayer read: [..., D]. */
  input: Tensor;
  /** The streams before it, given its output. */
  before: (y: Tensor) => Tensor;
}

/** Several residual streams side by side, [..., S, D], in the place of one and of the residual scheme. */
export interface Streams<C extends Config = Config, D extends Dims = Dims, P extends Params = Params>
  extends Omit<Component<C, D, P>, "dims"> {
  /** `turn` counts the sublayers of the stack, from 1. */
  dims: (c: C, width: number, turn: number) => D;
  /** S. */
  count: (c: C) => number;
  turn: (x_SD: Tensor, at: ChannelContext<C, D, P>) => StreamTurn;
  /** Undoes a turn. Training keeps no activations of sublayers between streams that declare it, but computes them anew. */
  undo?: (after_SD: Tensor) => UndoneTurn;
  /** [..., S, D] → [..., D], behind the last sublayer. */
  close: (x_SD: Tensor) => Tensor;
}

/** Which layer a history stands in front of. */
export interface HistoryPlace {
  place: number;
  depth: number;
  /** Of the streams below, as `forward` is given them: width, and cells of the first grid a cell along one axis. */
  streams?: readonly Reshape[];
}

/** What a layer starts from, given the streams below it: a way for early outputs past the layers between. */
export interface History<C extends Config = Config, D extends Dims = Dims, P extends Params = Params>
  extends Omit<Component<C, D, P>, "dims"> {
  /** `width` is that of the newest stream; `place` counts layers from 1, that behind the last is `depth` + 1. */
  dims: (c: C, width: number, at: HistoryPlace) => D;
  /** Whether the streams below may differ in width and grid. */
  fits?: (c: C) => boolean;
  /** Whether layers are given ways beside the stream. */
  ways?: (c: C) => boolean;
  /** [..., D] each: what entered the stack, then what left each layer below, the newest last. */
  forward: (states: readonly Tensor[], at: ChannelContext<C, D, P>) => Tensor | { stream: Tensor; ways: Ways };
}

/** A position scheme: any of three hooks. `width` of `dims` is the model width (embed) or the head size (rotate, bias). */
export interface Position<C extends Config = Config, D extends Dims = Dims, P extends Params = Params>
  extends Component<C, D, P> {
  /** Added to (or applied on) embeddings: x [B, T, D], positions i32 [B, T] → [B, T, D]. */
  embed?: (x_BTD: Tensor, positions_BT: Tensor, at: ChannelContext<C, D, P>) => Tensor;
  /** Applied to queries and keys: x [B, H, T, K], positions i32 [B, T]. */
  rotate?: (x_BHTK: Tensor, positions_BT: Tensor, at: ChannelContext<C, D, P>) => Tensor;
  /** Added to scores: query positions i32 [B, T], key positions i32 [B, S] → broadcastable to [B, H, T, S]. */
  bias?: (at: ChannelContext<C, D, P> & { heads: number; queries_BT: Tensor; keys_BS: Tensor }) => Tensor;
  /** Largest position + 1 that is defined; absent means any. */
  limit?: (c: C) => number;
}

/** What stands at the bottom of a stack: ids i32 [B, T] → [B, T, D], or vectors f32 [B, T, F] → [B, T, D]. */
export interface Embedding<C extends Config = Config, D extends Dims = Dims, P extends Params = Params>
  extends Omit<Component<C, D, P>, "dims"> {
  dims: (c: C, width: number, vocabulary: number) => D;
  /** F where the input is vectors instead of ids. */
  features?: (c: C) => number;
  /** Learned tokens put in front of the input's own, which the stack sees and the objective does not. */
  extraTokens?: (c: C) => number;
  /** The grid that the tokens form, row by row, where it is known. */
  grid?: (c: C) => readonly [height: number, width: number] | undefined;
  /** [C, D]: the rows that tied heads score with; absent: its parameter `table`. */
  table?: (at: ChannelContext<C, D, P>) => Tensor;
  forward: (input: Tensor, at: ChannelContext<C, D, P>) => Tensor;
}

/** Vectors to outputs: [..., D] → [..., C], C the vocabulary unless `outputs` says otherwise. `tied` reads the embedding's table. */
export interface Head<C extends Config = Config, D extends Dims = Dims, P extends Params = Params>
  extends Omit<Component<C, D, P>, "dims"> {
  dims: (c: C, width: number, vocabulary: number) => D;
  /** `sequence`: one output for all tokens, [B, T, D] → [B, C]. Absent: token. */
  per?: "token" | "sequence";
  /** C where it is not the vocabulary. */
  outputs?: (c: C) => number;
  forward: (x: Tensor, at: ChannelContext<C, D, P> & { table: Tensor | undefined }) => Tensor;
}

// Each returns its argument with its own type, so that `forward` and `step` see the declared config, dims, params and state.
export const defineMixer = <C extends Config, D extends Dims, P extends Params, S extends States>(
  m: Mixer<C, D, P, S>,
) => m;
export const defineChannel = <C extends Config, D extends Dims, P extends Params>(c: Channel<C, D, P>) => c;
export const defineNorm = <C extends Config, D extends Dims, P extends Params>(n: Norm<C, D, P>) => n;
export const defineResidual = <C extends Config, D extends Dims, P extends Params>(r: Residual<C, D, P>) => r;
export const defineStreams = <C extends Config, D extends Dims, P extends Params>(s: Streams<C, D, P>) => s;
export const defineHistory = <C extends Config, D extends Dims, P extends Params>(h: History<C, D, P>) => h;
export const definePosition = <C extends Config, D extends Dims, P extends Params>(p: Position<C, D, P>) => p;
export const defineEmbedding = <C extends Config, D extends Dims, P extends Params>(e: Embedding<C, D, P>) => e;
export const defineHead = <C extends Config, D extends Dims, P extends Params>(h: Head<C, D, P>) => h;
