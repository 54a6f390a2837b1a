/** chrF and chrF++: F-scores of character (and word) n-grams. Popović 2015 (W15-3049), 2017 (W17-4770). */
import { fail } from "../../../tensor/error.ts";
import { countMatches, countNGrams, type NGramCounts } from "./n-grams.ts";
import { assertOrder, type ScoredSegment, type ScoredText, segmentsOf } from "./scored-text.ts";
import { signatureOf } from "./signature.ts";
import { characters, splitWords } from "./words.ts";

export interface ChrfOptions {
  /** Longest character n-grams; default 6. */
  readonly charOrder?: number;
  /** Longest word n-grams: 0 for chrF (default), 2 for chrF++. */
  readonly wordOrder?: number;
  /** Recall weighs β² times as much as precision; default 2. */
  readonly beta?: number;
  readonly lowercase?: boolean;
  /** Counts white space as characters; default false. */
  readonly whitespace?: boolean;
  /** Orders without n-grams count as 1e-16 (chrF++.py, Moses, NLTK) instead of being left out. */
  readonly epsSmoothing?: boolean;
}

type Settings = Required<ChrfOptions>;

export interface ChrfScore {
  /** 0 to 100. */
  readonly score: number;
  /** chrF2, chrF2++: with β and one + a word order. */
  readonly name: string;
  readonly signature: string;
}

interface OrderCounts {
  hypothesis: number;
  reference: number;
  matches: number;
}

const epsilon = 1e-16;

/**
 * chrF of a corpus as sacreBLEU computes it: of each segment's references the one with the best F is kept, and counts are
 * pooled. Throws E_SCORE_TEXT, E_SCORE_OPTION.
 */
export function chrf(text: ScoredText, options: ChrfOptions = {}): ChrfScore {
  const settings = settingsOf(options);
  const counts = segmentsOf(text).map((segment) => countSegment(segment, settings));
  return {
    score: fScore(counts.reduce(addCounts), settings),
    name: `chrF${settings.beta}${"+".repeat(settings.wordOrder)}`,
    signature: signature(text, settings),
  };
}

function settingsOf(options: ChrfOptions): Settings {
  const defaults = { charOrder: 6, wordOrder: 0, beta: 2, lowercase: false, whitespace: false, epsSmoothing: false };
  const settings = { ...defaults, ...options };
  assertOrder("chrf.charOrder", settings.charOrder, 1);
  assertOrder("chrf.wordOrder", settings.wordOrder, 0);
  if (!(settings.beta > 0 && settings.beta < Number.POSITIVE_INFINITY))
    fail({ code: "E_SCORE_OPTION", where: "chrf.beta", expected: "a number above 0", got: String(settings.beta) });
  return settings;
}

/** Counts against the reference that gives the best F; the first of equals. */
function countSegment({ hypothesis, references }: ScoredSegment, settings: Settings): OrderCounts[] {
  const grams = nGramsOfText(hypothesis, settings);
  const counted = references.map((reference) => compare(grams, nGramsOfText(reference, settings)));
  const scores = counted.map((counts) => fScore(counts, settings));
  return counted[scores.indexOf(Math.max(...scores))]!;
}

/** N-grams by order: characters first, then words. */
function nGramsOfText(text: string, { charOrder, wordOrder, lowercase, whitespace }: Settings): NGramCounts[] {
  const line = lowercase ? text.toLowerCase() : text;
  const letters = characters(whitespace ? line : splitWords(line).join(""));
  const words = wordOrder > 0 ? splitPunctuation(line) : [];
  return [
    ...Array.from({ length: charOrder }, (_, i) => countNGrams(letters, { order: i + 1, joint: "" })),
    ...Array.from({ length: wordOrder }, (_, i) => countNGrams(words, { order: i + 1, joint: " " })),
  ];
}

const punctuation = new Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

/** Words with one ASCII sign split off the end or, failing that, off the start (so `(hi)` gives `(hi` and `)`). */
function splitPunctuation(line: string): string[] {
  return splitWords(line).flatMap((word) => {
    const [first, last] = [word[0]!, word.at(-1)!];
    if (word.length === 1) return [word];
    if (punctuation.has(last)) return [word.slice(0, -1), last];
    return punctuation.has(first) ? [first, word.slice(1)] : [word];
  });
}

/** N-grams of the hypothesis count only where the reference has any of that order. */
function compare(hypothesis: readonly NGramCounts[], reference: readonly NGramCounts[]): OrderCounts[] {
  return hypothesis.map((grams, i) => ({
    hypothesis: reference[i]!.size > 0 ? totalOf(grams) : 0,
    reference: totalOf(reference[i]!),
    matches: countMatches(grams, reference[i]!),
  }));
}

const totalOf = (counts: NGramCounts): number => [...counts.values()].reduce((sum, count) => sum + count, 0);

function addCounts(a: readonly OrderCounts[], b: readonly OrderCounts[]): OrderCounts[] {
  return a.map((one, i) => ({
    hypothesis: one.hypothesis + b[i]!.hypothesis,
    reference: one.reference + b[i]!.reference,
    matches: one.matches + b[i]!.matches,
  }));
}

function fScore(counts: readonly OrderCounts[], { beta, epsSmoothing }: Settings): number {
  return 100 * (epsSmoothing ? meanOfFs(counts, beta ** 2) : fOfMeans(counts, beta ** 2));
}

function meanOfFs(counts: readonly OrderCounts[], factor: number): number {
  const scores = counts.map(({ hypothesis, reference, matches }) => {
    const precision = hypothesis > 0 ? matches / hypothesis : epsilon;
    const recall = reference > 0 ? matches / reference : epsilon;
    const weight = factor * precision + recall;
    return weight > 0 ? ((1 + factor) * precision * recall) / weight : epsilon;
  });
  return scores.reduce((sum, score) => sum + score, 0) / counts.length;
}

/** F of the mean precision and the mean recall, over the orders that both texts have. */
function fOfMeans(counts: readonly OrderCounts[], factor: number): number {
  const shared = counts.filter(({ hypothesis, reference }) => hypothesis > 0 && reference > 0);
  if (shared.every(({ matches }) => matches === 0)) return 0;
  const mean = (ratio: (one: OrderCounts) => number) =>
    shared.reduce((sum, one) => sum + ratio(one), 0) / shared.length;
  const precision = mean(({ matches, hypothesis }) => matches / hypothesis);
  const recall = mean(({ matches, reference }) => matches / reference);
  return ((1 + factor) * precision * recall) / (factor * precision + recall);
}

/** As in sacreBLEU, β is no part of it; it is in the name of the score. */
const signature = (
  { references }: ScoredText,
  { lowercase, epsSmoothing, charOrder, wordOrder, whitespace }: Settings,
) =>
  signatureOf(references, {
    case: lowercase ? "lc" : "mixed",
    eff: !epsSmoothing,
    nc: charOrder,
    nw: wordOrder,
    space: whitespace,
  });
