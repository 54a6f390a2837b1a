import { corrupt, randomSpans } from "../../data/index.ts";
import { createRng, type NoiseOptions, spoil } from "../../ops/index.ts";
import { type BuiltModel, type ObjectiveDeclaration, type ObjectiveKind, objectives } from "../../spec/index.ts";
import { fail } from "../../tensor/index.ts";

/** What a model is shown: the ids it reads, and what it should answer at each. */
export interface Sample {
  ids: Int32Array;
  targets: Int32Array;
  /** 1 where the answer counts, else 0. */
  weights: Float32Array;
  /** What the encoder reads, where there is one. */
  source?: Int32Array;
}

export interface SampleInput {
  ids: Int32Array;
  source?: Int32Array;
  /** Masked objectives: share of the tokens that are hidden, and the seed by which they are chosen. */
  hidden?: number;
  seed?: number;
}

type Make = (built: BuiltModel, input: SampleInput) => Sample;

const makers: Readonly<Record<string, Make>> = {
  "next-token": (_built, input) => nextTokens(input),
  "sequence-to-sequence": (built, input) => answered(built, input),
  "span-corruption": (built, input) => leftOut(built, input),
  denoising: (built, input) => spoiled(built, input),
  "masked-diffusion": (built, input) => masked(built, input),
  d3pm: (built, input) => lost(built, input),
  "masked-lm": (built, input) => masked(built, input),
};

/**
 * A text as the model's objective reads it: next-token models see every token and answer with the next (the last has no
 * target), encoder–decoders the start and the answer, or what is left out of the text, masked objectives a share of hidden tokens. Throws E_INSPECT where
 * there is nothing to predict, where a source is missing or not read, where the text is longer than the model's limit, and
 * for objectives over whole sequences.
 */
export function sampleOf(built: BuiltModel, input: SampleInput): Sample {
  const { spec, limit } = built.model;
  const { kind } = spec.objective;
  const make = makers[kind];
  if (make === undefined)
    return reject(`a model with an answer at each token (${Object.keys(makers).join(", ")})`, kind);
  const { source }: ObjectiveDeclaration = objectives[kind as ObjectiveKind];
  const given = source === "given";
  if (given !== (input.source !== undefined))
    reject(given ? "a source beside the answer" : "no source: the model has no encoder", "the other");
  const sample = make(built, input);
  const longest = Math.max(sample.ids.length, sample.source?.length ?? 0);
  if (longest > limit) reject(`at most ${limit} tokens, the model's limit`, `${longest} tokens`);
  if (!sample.weights.includes(1)) reject("a text with a token to predict", `${input.ids.length} tokens`);
  return sample;
}

function nextTokens({ ids }: SampleInput): Sample {
  const T = ids.length;
  const targets = Int32Array.from({ length: T }, (_, t) => ids[t + 1] ?? 0);
  return { ids, targets, weights: Float32Array.from({ length: T }, (_, t) => Number(t < T - 1)) };
}

function answered({ extraTokens }: BuiltModel, { ids, source }: SampleInput): Sample {
  return {
    ids: Int32Array.of(extraTokens["start"]!, ...ids),
    targets: Int32Array.of(...ids, extraTokens["end"]!),
    weights: new Float32Array(ids.length + 1).fill(1),
    source: source!,
  };
}

/** The spans of a seed, as in training: the answer is what they held. */
function leftOut(built: BuiltModel, { ids, hidden, seed = 0 }: SampleInput): Sample {
  if (ids.length < 2) return reject("a text of at least 2 tokens", `${ids.length}`);
  const { density, span, sentinels } = built.model.spec.objective as unknown as Record<string, number>;
  const options = { density: hidden ?? density!, span: span!, sentinels: sentinels! };
  const spans = randomSpans(ids.length, options, createRng(seed));
  const { source, target } = corrupt(ids, spans, built.extraTokens["sentinel0"]!);
  return answered(built, { ids: target, source });
}

/** What the noise of a seed leaves; sentences are not told apart here, so that the text counts as one. */
function spoiled(built: BuiltModel, { ids, hidden, seed = 0 }: SampleInput): Sample {
  if (ids.length < 2) return reject("a text of at least 2 tokens", `${ids.length}`);
  const { share, ...own } = built.model.spec.objective as unknown as Omit<NoiseOptions, "mask" | "stops">;
  const options = { ...own, share: hidden ?? share, mask: built.extraTokens["mask"]!, stops: new Set<number>() };
  return answered(built, { ids, source: spoil(ids, options, createRng(seed)) });
}

/** At least one token is hidden, of any text that has one. */
function masked({ extraTokens }: BuiltModel, { ids, hidden = 0.3, seed = 0 }: SampleInput): Sample {
  const order = createRng(seed).permutation(ids.length);
  const chosen = new Set(order.subarray(0, Math.max(1, Math.round(hidden * ids.length))));
  return {
    ids: ids.map((id, t) => (chosen.has(t) ? extraTokens["mask"]! : id)),
    targets: ids,
    weights: Float32Array.from(ids, (_, t) => Number(chosen.has(t))),
  };
}

/** Hidden by the mask, or, where the noise has none, by other tokens; which these are is not known to the model, and all count. */
function lost(built: BuiltModel, input: SampleInput): Sample {
  if (built.extraTokens["mask"] !== undefined) return masked(built, input);
  const rng = createRng(input.seed ?? 0).fork("lost");
  const ids = input.ids.map((id) => (rng.uniform() < (input.hidden ?? 0.3) ? rng.below(built.model.vocabulary) : id));
  return { ids, targets: input.ids, weights: new Float32Array(ids.length).fill(1) };
}

const reject = (expected: string, got: string): never => fail({ code: "E_INSPECT", where: "inspect", expected, got });
