/**
 * Byte-pair vocabularies of words as Hugging Face's `BpeTrainer` learns them: marks of a word's later parts or of its end, special
 * tokens, a limited alphabet, a limit on length. Ids: special tokens, then the characters by code point, then characters with a
 * mark, then what merges spell. Characters with a mark stand in the order in which the words have them first: there the
 * reference follows a hash table, as it does where the alphabet's limit falls between equally rare characters (here the later
 * code point goes).
 */
import { fail } from "../../tensor/error.ts";
import { type CountedWord, learnMerges, maxEntries } from "./merge-learner.ts";

export interface WordBpeOptions {
  /** Total vocabulary, special tokens and characters included; at most 65,536. Characters are kept where it is smaller. */
  entries: number;
  /** Pairs that occur fewer times are not merged. Default 1. */
  minCount?: number;
  /** Tokens with the first ids, which no text is made of. */
  special?: readonly string[];
  /** Characters that are kept whether the words have them or not. */
  initialAlphabet?: readonly string[];
  /** Only the most frequent characters are kept; words lose the others. */
  mostCharacters?: number;
  /** Merges give tokens of fewer characters, marks not counted; those of two are always allowed. */
  below?: number;
  /** Before every character of a word but the first, such as "##"; a merge drops it of its right side. */
  continuingPrefix?: string;
  /** Behind the last character of a word, such as "</w>". */
  endSuffix?: string;
}

export interface WordBpe {
  /** Tokens by id. */
  vocab: string[];
  /** Pairs of tokens in the order in which they were merged. */
  merges: [left: string, right: string][];
}

/** Learns a vocabulary from words and how often each occurs. Throws `E_BPE_ENTRIES`. */
export function trainWordBpe(counts: ReadonlyMap<string, number>, options: WordBpeOptions): WordBpe {
  assertEntries(options.entries);
  return learnWordBpe(counts, wordAlphabet(counts, options), options);
}

/** The tokens before the first merge, by id. */
export function wordAlphabet(counts: ReadonlyMap<string, number>, options: WordBpeOptions): string[] {
  const known = bareTokens(counts, options);
  return [
    ...new Set([...known, ...Array.from(counts.keys(), (word) => symbolsOf(word, { ...options, known })).flat()]),
  ];
}

const bareTokens = (counts: ReadonlyMap<string, number>, options: WordBpeOptions): ReadonlySet<string> =>
  new Set([...(options.special ?? []), ...keptCharacters(counts, options)]);

/** Learns the merges above an alphabet of {@link wordAlphabet}. */
export function learnWordBpe(
  counts: ReadonlyMap<string, number>,
  alphabet: readonly string[],
  options: WordBpeOptions,
): WordBpe {
  const { entries, minCount = 1, below, continuingPrefix = "" } = options;
  const ids = new Map(alphabet.map((token, id) => [token, id]));
  const known = bareTokens(counts, options);
  const words = Array.from(counts, ([word, count]): CountedWord => {
    return { symbols: symbolsOf(word, { ...options, known }).map((symbol) => ids.get(symbol)!), count };
  });
  const { merges, spellings } = learnMerges(words, {
    ...{ alphabet, entries, minCount: Math.max(1, minCount) },
    ...(below !== undefined && { below }),
    join: (left, right) => left + (right.startsWith(continuingPrefix) ? right.slice(continuingPrefix.length) : right),
  });
  return { vocab: spellings, merges: merges.map(([left, right]) => [spellings[left]!, spellings[right]!]) };
}

/** By code point. */
function keptCharacters(
  counts: ReadonlyMap<string, number>,
  { initialAlphabet = [], mostCharacters = Infinity }: WordBpeOptions,
): string[] {
  const frequencies = new Map<string, number>();
  for (const [word, count] of counts) {
    for (const character of word) frequencies.set(character, (frequencies.get(character) ?? 0) + count);
  }
  for (const character of initialAlphabet) frequencies.set(character, Infinity);
  const byCodePoint = (a: string, b: string) => a.codePointAt(0)! - b.codePointAt(0)!;
  const sorted = [...frequencies.keys()].sort(byCodePoint);
  const rarerLater = (a: string, b: string) => Math.sign(frequencies.get(b)! - frequencies.get(a)!) || 0;
  const ranked = sorted.toSorted(rarerLater);
  const kept = new Set(ranked.slice(0, mostCharacters));
  return sorted.filter((character) => kept.has(character));
}

interface Marks {
  known: ReadonlySet<string>;
  continuingPrefix?: string;
  endSuffix?: string;
}

/** A word's characters with their marks, without those that the alphabet lacks. */
function symbolsOf(word: string, { known, continuingPrefix = "", endSuffix = "" }: Marks): string[] {
  const all = Array.from(word);
  const marked = (character: string, i: number) =>
    `${i > 0 ? continuingPrefix : ""}${character}${i === all.length - 1 ? endSuffix : ""}`;
  return all.flatMap((character, i) => (known.has(character) ? [marked(character, i)] : []));
}

function assertEntries(entries: number): void {
  if (Number.isSafeInteger(entries) && entries >= 1 && entries <= maxEntries) return;
  fail({
    code: "E_BPE_ENTRIES",
    where: "entries",
    expected: `a whole number from 1 to ${maxEntries}`,
    got: `${entries}`,
  });
}
