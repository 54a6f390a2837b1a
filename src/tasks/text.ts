import {
  assertLossless,
  type CorpusSplit,
  createBatches,
  createNoiseBatches,
  createSpanBatches,
  type NoiseTokens,
  noiseWindows,
  type SpanOptions,
  type SpanTokens,
  spanWindows,
  type Tokenizer,
} from "../data/index.ts";
import type { NoiseOptions } from "../ops/index.ts";
import { type BuiltModel, type ObjectiveDeclaration, type ObjectiveKind, objectives } from "../spec/index.ts";
import type { Dataset } from "./dataset.ts";

export interface TextOptions {
  name: string;
  split: CorpusSplit;
  tokenizer: Tokenizer;
}

/** Objectives whose models read text alone and answer at every token of it. */
const onText = Object.entries<ObjectiveDeclaration>(objectives)
  .filter(([, { source, per }]) => source !== "given" && per === undefined)
  .map(([kind]) => kind as ObjectiveKind);

/**
 * A text to be gone on with: windows of the training part, bits per byte of the validation part. Throws `E_TOKENIZER_LOSSY` for a
 * tokenizer from which the validation part does not come back.
 */
export function textDataset({ name, split: { train, validation }, tokenizer }: TextOptions): Dataset {
  assertLossless(tokenizer, [validation.text], `${name}: validation`);
  const ids = tokenizer.encode(train.text);
  const held = { ids: tokenizer.encode(validation.text), bytes: validation.bytes };
  return {
    kind: "text",
    name,
    objectives: onText,
    tokens: tokenizer.size,
    facts: {
      train: train.sha256,
      validation: validation.sha256,
      tokenizer: tokenizer.kind,
      vocabulary: tokenizer.size,
    },
    bitsPer: "byte",
    batches(built, { seed, batch, length }) {
      const windows = { ids, seed, batch, length };
      const { spans, noise } = sourceOf(built, tokenizer);
      if (noise) return createNoiseBatches({ ...windows, ...noise });
      return spans ? createSpanBatches({ ...windows, ...spans }) : createBatches(windows);
    },
    validation(built, { batch, length }) {
      const { spans, noise } = sourceOf(built, tokenizer);
      const size = { length, multipleOf: batch };
      if (noise) return { windows: noiseWindows(held.ids, { ...noise, ...size }), bytes: held.bytes };
      if (spans) return { windows: spanWindows(held.ids, { ...spans, ...size }), bytes: held.bytes };
      return held;
    },
  };
}

interface Source {
  spans?: SpanOptions & SpanTokens;
  noise?: NoiseOptions & NoiseTokens;
}

/** How an encoder's source is made of the text, where the objective has one. */
function sourceOf({ model: { spec }, extraTokens }: BuiltModel, tokenizer: Tokenizer): Source {
  const { kind, ...options } = spec.objective;
  const { start, end, mask, sentinel0 } = extraTokens as Record<string, number> & { start: number; end: number };
  if (kind === "span-corruption") {
    const { density, span, sentinels } = options as unknown as SpanOptions;
    return { spans: { density, span, sentinels, start, end, sentinel: sentinel0! } };
  }
  if (kind !== "denoising") return {};
  const { noise, share, span } = options as unknown as NoiseOptions;
  return { noise: { noise, share, span, start, end, mask: mask!, stops: stopsOf(tokenizer) } };
}

/** Ids whose text ends a sentence. */
const stopsOf = (tokenizer: Tokenizer): ReadonlySet<number> =>
  new Set(Array.from({ length: tokenizer.size }, (_, id) => id).filter((id) => /[.!?]$/.test(tokenizer.decode([id]))));
