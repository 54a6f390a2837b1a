/** ROUGE (Lin 2004, W04-1013) as Google's rouge-score computes it. */
import { fail } from "../../../tensor/error.ts";
import { commonLength, commonPositions } from "./common-subsequence.ts";
import { countMatches, countNGrams, nGramsOf } from "./n-grams.ts";
import { porterStem } from "./porter-stemmer.ts";
import { type ScoredSegment, type ScoredText, segmentsOf } from "./scored-text.ts";
import { numberWords } from "./words.ts";

/** n-grams (`rouge1` to `rouge9`), longest common subsequence of the texts, or of their lines (union LCS, `rougeLsum`). */
export type RougeKind = `rouge${number}` | "rougeL" | "rougeLsum";

export interface RougeOptions {
  /** Default rouge1, rouge2, rougeL. */
  readonly kinds?: readonly RougeKind[];
  /** Porter's stemmer on words of more than three letters; default false. */
  readonly stem?: boolean;
}

/** Each from 0 to 1. */
export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  /** Harmonic mean of both. */
  readonly f: number;
}

export const defaultRougeKinds = ["rouge1", "rouge2", "rougeL"] as const satisfies readonly RougeKind[];

/**
 * Mean scores of the segments, each for each kind against the reference with the best F.
 * Throws E_SCORE_TEXT, E_SCORE_OPTION.
 */
export function rouge(text: ScoredText, options: RougeOptions = {}): Record<RougeKind, RougeScore> {
  const segments = segmentsOf(text).map((segment) => rougeOfSegment(segment, options));
  const mean = (kind: RougeKind, part: keyof RougeScore): number =>
    segments.reduce((sum, scores) => sum + scores[kind]![part], 0) / segments.length;
  const kinds = options.kinds ?? defaultRougeKinds;
  const scores = kinds.map((kind) => [
    kind,
    { precision: mean(kind, "precision"), recall: mean(kind, "recall"), f: mean(kind, "f") },
  ]);
  return Object.fromEntries(scores) as Record<RougeKind, RougeScore>;
}

function rougeOfSegment(
  { hypothesis, references }: ScoredSegment,
  { kinds = defaultRougeKinds, stem = false }: RougeOptions,
): Record<RougeKind, RougeScore> {
  const scores = kinds.map((kind) => {
    const score = scorerOf(kind, stem);
    const each = references.map((reference) => score(hypothesis, reference));
    return [kind, each.reduce((best, one) => (one.f > best.f ? one : best))] as const;
  });
  return Object.fromEntries(scores) as Record<RougeKind, RougeScore>;
}

type Scorer = (hypothesis: string, reference: string) => RougeScore;

function scorerOf(kind: RougeKind, stem: boolean): Scorer {
  const words = (text: string): string[] => rougeWords(text, stem);
  if (kind === "rougeL") return (h, r) => scoreSubsequence(words(h), words(r));
  if (kind === "rougeLsum") return (h, r) => scoreLines(linesOf(h).map(words), linesOf(r).map(words));
  const order = Number(/^rouge([1-9])$/.exec(kind)?.[1]);
  if (Number.isNaN(order))
    fail({
      code: "E_SCORE_OPTION",
      where: "rouge.kinds",
      expected: "rouge1 to rouge9, rougeL or rougeLsum",
      got: kind,
    });
  return (h, r) => scoreNGrams(words(h), words(r), order);
}

/** Lower case; whatever is not a to z or a digit separates words. */
function rougeWords(text: string, stem: boolean): string[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stem ? words.map((word) => (word.length > 3 ? porterStem(word) : word)) : [...words];
}

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");

function scoreNGrams(hypothesis: readonly string[], reference: readonly string[], order: number): RougeScore {
  const grams = (words: readonly string[]) => countNGrams(words, { order, joint: " " });
  const hits = countMatches(grams(hypothesis), grams(reference));
  return scoreOf(hits, nGramsOf(hypothesis.length, order), nGramsOf(reference.length, order));
}

function scoreSubsequence(hypothesis: readonly string[], reference: readonly string[]): RougeScore {
  const [h, r] = numberWords([hypothesis, reference]) as [Int32Array, Int32Array];
  return scoreOf(commonLength(r, h), h.length, r.length);
}

/** Summary level: for each line of the reference, its words in a common subsequence with any line; no word hits twice. */
function scoreLines(hypothesis: readonly string[][], reference: readonly string[][]): RougeScore {
  const numbered = numberWords([...hypothesis, ...reference]);
  const [h, r] = [numbered.slice(0, hypothesis.length), numbered.slice(hypothesis.length)];
  const left = [countItems(h), countItems(r)];
  let hits = 0;
  for (const line of r)
    for (const at of unionOfPositions(line, h)) {
      const word = line[at]!;
      if (left.some((counts) => (counts.get(word) ?? 0) === 0)) continue;
      for (const counts of left) counts.set(word, counts.get(word)! - 1);
      hits++;
    }
  return scoreOf(hits, lengthOf(h), lengthOf(r));
}

const unionOfPositions = (line: Int32Array, others: readonly Int32Array[]): number[] =>
  [...new Set(others.flatMap((other) => commonPositions(line, other)))].sort((a, b) => a - b);

function countItems(lines: readonly Int32Array[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const line of lines) for (const item of line) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

const lengthOf = (lines: readonly Int32Array[]): number => lines.reduce((sum, line) => sum + line.length, 0);

function scoreOf(hits: number, hypothesis: number, reference: number): RougeScore {
  const precision = hits / Math.max(hypothesis, 1);
  const recall = hits / Math.max(reference, 1);
  return { precision, recall, f: hits === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}
