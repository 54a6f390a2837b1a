/** What an inspection finds: the shape that `seqlab inspect --json` prints and its page is drawn from. */

/** A token and how it reads. */
export interface Piece {
  id: number;
  text: string;
}

/** A token that a model may answer with, and how likely it finds it. */
export interface Candidate extends Piece {
  prob: number;
}

/** How one head spreads its attention, means over the queries. */
export interface HeadSummary {
  /** −Σ p ln p, nats: 0 where all weight lies on one key, `uniform` where it is spread evenly. */
  entropy: number;
  /** ln of the keys with any weight: the most that the entropy could be. */
  uniform: number;
  /** Largest weight. */
  largest: number;
  /** Share of the queries with several keys whose largest weight is above 0.9; null where no query has several. */
  saturated: number | null;
  /** Weight on the query's own token, on the one before it, and on the first; null where keys are of another sequence. */
  self: number | null;
  previous: number | null;
  first: number | null;
}

/** The weights with which tokens read each other in one layer. */
export interface AttentionMap {
  /** Of the probe, such as `layers.0.mixer.weights_BHTS`. */
  path: string;
  /** Whose tokens ask, and whose are read. */
  queries: "tokens" | "source";
  keys: "tokens" | "source";
  /** [H][T][S]; rows add up to 1 unless the mixer has sinks or other weightings. */
  weights: readonly (readonly (readonly number[])[])[];
  /** −Σ p ln p of every row, nats: [H][T]. */
  entropies: readonly (readonly number[])[];
  heads: readonly HeadSummary[];
}

export interface ParameterGradient {
  path: string;
  size: number;
  /** L2 norm of the loss's gradient. */
  norm: number;
  /** L2 norm of the parameter. */
  weightNorm: number;
}

export interface Gradients {
  /** L2 norm over all parameters. */
  total: number;
  /** Norm over the parameters of each layer, bottom first. */
  layers: readonly { path: string; norm: number }[];
  /** Norm of the gradient by the stream below the first layer and behind each: what back-propagation hands down. */
  streams: readonly { path: string; norm: number }[];
  parameters: readonly ParameterGradient[];
}

/**
 * How far a gate or activation is open, as a share of its range: σ for sigmoid and silu, Φ for gelu, (1 + tanh)/2 for tanh,
 * 1 or 0 for relu.
 */
export interface GateSummary {
  /** Name of the tensor, such as `layers.0.channel/silu.0`. */
  path: string;
  op: "sigmoid" | "tanh" | "silu" | "gelu" | "relu";
  /** Elements looked at. */
  size: number;
  /** Share of the elements below 5 % and above 95 % of the range. */
  closed: number;
  open: number;
  /** Share of the units (last axis) that are closed, or open, at every token; for relu closed only. */
  stuck: number;
}

/** What the model would answer if it stopped behind a layer: last norm and head over that layer's stream. */
export interface LensLayer {
  /** Of the stream. */
  path: string;
  tokens: readonly LensToken[];
  /** Mean over the tokens that count, nats: what the model would lose if it answered here. */
  loss: number;
  /** Mean Kullback–Leibler divergence of this layer's answer from the last one's, nats. */
  divergence: number;
}

export interface LensToken {
  /** Most likely first. */
  top: readonly Candidate[];
  /** Probability of the target; null where there is none. */
  target: number | null;
  /** Of the answer, nats. */
  entropy: number;
}

/** The residual stream below the first layer and behind each. */
export interface StreamSummary {
  path: string;
  /** L2 norm of every token's vector. */
  norms: readonly number[];
  /** Largest and median absolute value, and where the largest stands. */
  largest: { value: number; token: number; feature: number };
  median: number;
  /** Mean cosine between the vectors of different tokens: 1 where all point the same way; null for one token. */
  cosine: number | null;
}

/** What a sublayer adds to the stream. */
export interface WriteSummary {
  /** Of the sublayer, such as `layers.0.mixer`. */
  path: string;
  /** Norm of what it changes, divided by that of the stream that enters it: mean over the tokens. */
  ratio: number;
}

/** A state of constant size, read after every token. */
export interface StateTrace {
  path: string;
  /** Of one sequence. */
  shape: readonly number[];
  /** L2 norm after each token. */
  norms: readonly number[];
  /** L2 norm of what each token changed, divided by the norm after it. */
  changes: readonly number[];
}

export interface TokenReading extends Piece {
  target: Piece | null;
  /** −ln p(target); null where there is no target. */
  nats: number | null;
}

export interface TensorSummary {
  name: string;
  shape: readonly number[];
  mean: number;
  std: number;
  least: number;
  most: number;
  values: readonly number[];
}

export interface Inspection {
  model: { name: string; title: string; objective: string; parameters: number };
  /** What was read, in order, with what should be answered at each. */
  tokens: readonly TokenReading[];
  source: readonly Piece[] | null;
  /** Mean over the tokens with a target, nats. */
  loss: number;
  lens: readonly LensLayer[];
  attention: readonly AttentionMap[];
  /** Cross attention by layer, mean over heads: [T][S]; null without an encoder. */
  alignment: readonly (readonly (readonly number[])[])[] | null;
  gradients: Gradients;
  gates: readonly GateSummary[];
  streams: readonly StreamSummary[];
  writes: readonly WriteSummary[];
  states: readonly StateTrace[];
  /** Those that were asked for by name. */
  tensors: readonly TensorSummary[];
}
