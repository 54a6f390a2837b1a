/** Error rates of recognised or transcribed text. */
import { addEdits, countEdits, type EditCounts, noEdits } from "./edit-counts.ts";
import { countMatches, countNGrams } from "./n-grams.ts";
import { type ScoredText, segmentsOf } from "./scored-text.ts";
import { characters, numberWords, splitWords, trim } from "./words.ts";

/** `word`: between white space (phonemes of a phoneme string too); `character`: code points, inner spaces included. */
export type ErrorUnit = "word" | "character";

export interface ErrorRates extends EditCounts {
  /** Edits / reference units: WER, CER, or, on phoneme strings, the phoneme error rate. Above 1 possible. */
  readonly rate: number;
  /** Edits / (edits + hits): the match error rate, at most 1. */
  readonly matchErrorRate: number;
  /** Hits / reference · hits / hypothesis units (Morris et al. 2004). */
  readonly informationPreserved: number;
  readonly informationLost: number;
}

/**
 * Edits pooled over segments, against the nearest reference of each, case kept: as jiwer's for one reference.
 * Without reference units the rate is 0 where nothing was said, else infinite. Throws E_SCORE_TEXT.
 */
export function errorRates(text: ScoredText, { unit = "word" }: { unit?: ErrorUnit } = {}): ErrorRates {
  const units = unitsOf[unit];
  const edits = segmentsOf(text).map(({ hypothesis, references }) =>
    fewestEdits(units(hypothesis), references.map(units)),
  );
  return ratesOf(edits.reduce(addEdits, noEdits));
}

const unitsOf = { word: splitWords, character: (text: string) => characters(trim(text)) } as const;

function fewestEdits(hypothesis: readonly string[], references: readonly (readonly string[])[]): EditCounts {
  const [h, ...refs] = numberWords([hypothesis, ...references]);
  const counted = refs.map((ref) => countEdits(ref, h!));
  return counted.reduce((best, one) => (rateOf(one) < rateOf(best) ? one : best));
}

function ratesOf(counts: EditCounts): ErrorRates {
  const { hits, insertions } = counts;
  const edits = editsOf(counts);
  const kept = hits === 0 ? 0 : (hits / referenceUnits(counts)) * (hits / (hits + counts.substitutions + insertions));
  return {
    ...counts,
    rate: rateOf(counts),
    matchErrorRate: edits === 0 ? 0 : edits / (edits + hits),
    informationPreserved: kept,
    informationLost: 1 - kept,
  };
}

const editsOf = ({ substitutions, deletions, insertions }: EditCounts): number =>
  substitutions + deletions + insertions;
const referenceUnits = ({ hits, substitutions, deletions }: EditCounts): number => hits + substitutions + deletions;
const rateOf = (counts: EditCounts): number => (editsOf(counts) === 0 ? 0 : editsOf(counts) / referenceUnits(counts));

/**
 * Position-independent word error rate (Tillmann et al. 1997): order is ignored. (max(hypothesis, reference) − matches) /
 * reference words, pooled, against the nearest reference. Throws E_SCORE_TEXT.
 */
export function positionIndependentErrorRate(text: ScoredText): number {
  let [errors, length] = [0, 0];
  for (const { hypothesis, references } of segmentsOf(text)) {
    const words = splitWords(hypothesis);
    const counted = references.map((reference) => positionIndependentErrors(words, splitWords(reference)));
    const best = counted.reduce((a, b) => (ratio(b) < ratio(a) ? b : a));
    errors += best.errors;
    length += best.length;
  }
  return ratio({ errors, length });
}

function positionIndependentErrors(hypothesis: readonly string[], reference: readonly string[]) {
  const bag = (words: readonly string[]) => countNGrams(words, { order: 1, joint: " " });
  const matches = countMatches(bag(hypothesis), bag(reference));
  return { errors: Math.max(hypothesis.length, reference.length) - matches, length: reference.length };
}

const ratio = ({ errors, length }: { errors: number; length: number }): number => (errors === 0 ? 0 : errors / length);
