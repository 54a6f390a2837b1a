import { fail } from "../../../tensor/error.ts";
import {
  type BleuCounts,
  type BleuScore,
  type BleuSmoothing,
  bleuFromCounts,
  smoothingDefaults,
} from "./bleu-score.ts";
import { type BleuTokenizer, bleuTokenizers } from "./bleu-tokenizers.ts";
import { countMatches, countNGrams, type NGramCounts, nGramsOf } from "./n-grams.ts";
import { assertOrder, type ScoredSegment, type ScoredText, segmentsOf } from "./scored-text.ts";
import { signatureOf } from "./signature.ts";
import { trimEnd } from "./words.ts";

export interface BleuOptions {
  /** Default 13a. */
  readonly tokenizer?: BleuTokenizer;
  readonly lowercase?: boolean;
  /** Default exp. */
  readonly smoothing?: BleuSmoothing;
  /** Longest n-grams counted; default 4. */
  readonly maxOrder?: number;
  /** Averages only the orders that the hypothesis is long enough to have: for single sentences. Default false. */
  readonly effectiveOrder?: boolean;
}

type Settings = Required<BleuOptions>;

/** A score and the signature under which it can be compared with others. */
export type SignedBleu = BleuScore & { readonly signature: string };

/**
 * Corpus BLEU as sacreBLEU computes it: clipped n-gram counts pooled over all segments, 0 to 100.
 * A sentence's BLEU is that of a text with one segment. Throws E_SCORE_TEXT, E_SCORE_OPTION.
 */
export function bleu(text: ScoredText, options: BleuOptions = {}): SignedBleu {
  const settings = settingsOf(options);
  const counts = segmentsOf(text).map((segment) => countSegment(segment, settings));
  return { ...bleuFromCounts(pool(counts), settings), signature: signature(text, settings) };
}

/** The words that a text is compared by. */
export function bleuWords(text: string, { tokenizer = "13a", lowercase = false }: BleuOptions = {}): string[] {
  return bleuTokenizers[tokenizer](trimEnd(lowercase ? text.toLowerCase() : text));
}

function settingsOf(options: BleuOptions): Settings {
  const defaults: Settings = {
    tokenizer: "13a",
    lowercase: false,
    smoothing: { kind: "exp" },
    maxOrder: 4,
    effectiveOrder: false,
  };
  const settings = { ...defaults, ...options };
  assertOrder("bleu.maxOrder", settings.maxOrder, 1);
  const value = smoothingValue(settings.smoothing) ?? 0;
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    fail({ code: "E_SCORE_OPTION", where: "bleu.smoothing.value", expected: "a number from 0", got: String(value) });
  return settings;
}

function countSegment({ hypothesis, references }: ScoredSegment, settings: Settings): BleuCounts {
  const words = bleuWords(hypothesis, settings);
  const refs = references.map((reference) => bleuWords(reference, settings));
  const orders = Array.from({ length: settings.maxOrder }, (_, i) => i + 1);
  const grams = (items: readonly string[], order: number) => countNGrams(items, { order, joint: " " });
  return {
    matches: orders.map((order) =>
      countMatches(grams(words, order), largestCounts(refs.map((ref) => grams(ref, order)))),
    ),
    totals: orders.map((order) => nGramsOf(words.length, order)),
    hypothesisWords: words.length,
    referenceWords: closest(
      refs.map((ref) => ref.length),
      words.length,
    ),
  };
}

/** For each n-gram the largest count that a reference has. */
function largestCounts(references: readonly NGramCounts[]): NGramCounts {
  if (references.length === 1) return references[0]!;
  const largest = new Map<string, number>();
  for (const counts of references)
    for (const [gram, count] of counts) largest.set(gram, Math.max(count, largest.get(gram) ?? 0));
  return largest;
}

/** The length nearest to the hypothesis'; the shorter of two as near. */
function closest(lengths: readonly number[], length: number): number {
  const distance = (one: number): number => Math.abs(one - length);
  return lengths.reduce((best, one) => {
    const nearer = distance(one) - distance(best);
    return nearer < 0 || (nearer === 0 && one < best) ? one : best;
  });
}

function pool(segments: readonly BleuCounts[]): BleuCounts {
  const sum = (read: (counts: BleuCounts) => number) => segments.reduce((total, counts) => total + read(counts), 0);
  return {
    matches: segments[0]!.matches.map((_, order) => sum(({ matches }) => matches[order]!)),
    totals: segments[0]!.totals.map((_, order) => sum(({ totals }) => totals[order]!)),
    hypothesisWords: sum((counts) => counts.hypothesisWords),
    referenceWords: sum((counts) => counts.referenceWords),
  };
}

const smoothingValue = (smoothing: BleuSmoothing): number | undefined =>
  smoothing.kind === "floor" || smoothing.kind === "add-k"
    ? (smoothing.value ?? smoothingDefaults[smoothing.kind])
    : undefined;

/** As in sacreBLEU, `maxOrder` is no part of it: a score of other orders has to be named BLEU-1, BLEU-2, … beside it. */
function signature({ references }: ScoredText, { lowercase, effectiveOrder, tokenizer, smoothing }: Settings) {
  const value = smoothingValue(smoothing);
  return signatureOf(references, {
    case: lowercase ? "lc" : "mixed",
    eff: effectiveOrder,
    tok: tokenizer,
    smooth: value === undefined ? smoothing.kind : `${smoothing.kind}[${value.toFixed(2)}]`,
  });
}
