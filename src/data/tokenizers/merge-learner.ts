/**
 * Learning byte-pair merges (Sennrich, Haddow, Birch 2016): again and again the most frequent pair of neighbouring symbols
 * becomes a symbol. Pairs are counted within words, times the word's frequency; overlapping ones count each ("aaa" holds
 * "aa" twice). Of equally frequent pairs the one with the smaller left id, then the smaller right id, is merged.
 * A merge whose result is spelled like an older symbol gives that symbol.
 */
import { PairHeap } from "./pair-heap.ts";
import type { Merge } from "./tokenizer.ts";

/** Ids are below this, so that a pair of them is one exact number. */
export const maxEntries = 65_536;

export const pairKey = (left: number, right: number): number => left * maxEntries + right;

export interface CountedWord {
  symbols: number[];
  count: number;
}

export interface LearnOptions {
  /** Spelling of the initial symbols, by id. */
  alphabet: readonly string[];
  /** Symbols to have at the end, the alphabet included. */
  entries: number;
  /** Pairs that occur fewer times are not merged; at least 1. */
  minCount: number;
  /** Spelling of two symbols' merge; they are written one behind the other where it is not given. */
  join?: (left: string, right: string) => string;
  /**
   * A pair of a symbol that a merge made counts only where both are made of fewer initial symbols together; pairs of initial
   * symbols always do.
   */
  below?: number;
}

export interface LearnedMerges {
  merges: Merge[];
  /** Spelling of all symbols, by id. */
  spellings: string[];
}

/** Merges until `entries` symbols exist or no pair is frequent enough. Consumes `words`: they end up merged. */
export function learnMerges(
  words: CountedWord[],
  { alphabet, entries, minCount, join = (left, right) => left + right, below = Infinity }: LearnOptions,
): LearnedMerges {
  const spellings = [...alphabet];
  const ids = new Map(spellings.map((spelling, id) => [spelling, id]));
  const lengths: number[] = [];
  for (const { symbols } of words) for (const symbol of symbols) lengths[symbol] = 1;
  const pairs = new PairTable(words, (left, right) => lengths[left]! + lengths[right]! < below);
  const merges: Merge[] = [];
  while (spellings.length < entries) {
    const key = pairs.takeMostFrequent(minCount);
    if (key === undefined) break;
    const [left, right] = [Math.floor(key / maxEntries), key % maxEntries];
    const spelling = join(spellings[left]!, spellings[right]!);
    const id = ids.get(spelling) ?? spellings.push(spelling) - 1;
    ids.set(spelling, id);
    lengths[id] ??= lengths[left]! + lengths[right]!;
    merges.push([left, right]);
    pairs.merge(key, id);
  }
  return { merges, spellings };
}

/** Counts of all pairs, kept right while words change, and the words in which each may occur. */
class PairTable {
  readonly #words: CountedWord[];
  readonly #counts = new Map<number, number>();
  readonly #places = new Map<number, number[]>();
  readonly #heap = new PairHeap();
  readonly #fits: (left: number, right: number) => boolean;

  constructor(words: CountedWord[], fits: (left: number, right: number) => boolean) {
    this.#words = words;
    this.#fits = fits;
    for (const [place, { symbols, count }] of words.entries()) {
      for (let i = 0; i + 1 < symbols.length; i++) this.#add(pairKey(symbols[i]!, symbols[i + 1]!), count, place);
    }
    for (const [key, count] of this.#counts) this.#heap.push({ key, count });
  }

  /** The heap's counts may be old: a pair that has become rarer goes back in with its present count. */
  takeMostFrequent(minCount: number): number | undefined {
    for (let pair = this.#heap.pop(); pair; pair = this.#heap.pop()) {
      const count = this.#counts.get(pair.key) ?? 0;
      if (count === pair.count) return count >= minCount ? pair.key : undefined;
      if (count > 0 && count < pair.count) this.#heap.push({ key: pair.key, count });
    }
    return undefined;
  }

  /** Replaces the pair by a symbol in every word. */
  merge(key: number, id: number): void {
    const grown = new Set<number>();
    for (const place of this.#places.get(key) ?? []) {
      const { symbols, count } = this.#words[place]!;
      mergeIn(symbols, key, id, (changed, by) => {
        if (by > 0 && !this.#fits(Math.floor(changed / maxEntries), changed % maxEntries)) return;
        this.#add(changed, by * count, place);
        if (by > 0) grown.add(changed);
      });
    }
    this.#places.delete(key);
    for (const changed of grown) this.#heap.push({ key: changed, count: this.#counts.get(changed) ?? 0 });
  }

  #add(key: number, by: number, place: number): void {
    const count = (this.#counts.get(key) ?? 0) + by;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
    if (by < 0) return;
    const places = this.#places.get(key);
    if (!places) this.#places.set(key, [place]);
    else if (places.at(-1) !== place) places.push(place);
  }
}

/** Merges from left to right, in place, and reports each pair that appears (+1) or disappears (-1). */
function mergeIn(symbols: number[], key: number, id: number, report: (key: number, by: number) => void): void {
  const [left, right] = [Math.floor(key / maxEntries), key % maxEntries];
  let out = 0;
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] !== left || symbols[i + 1] !== right) {
      symbols[out++] = symbols[i]!;
      continue;
    }
    const [before, after] = [out > 0 ? symbols[out - 1] : undefined, symbols[i + 2]];
    report(key, -1);
    if (before !== undefined) moveNeighbour(pairKey(before, left), pairKey(before, id), report);
    if (after !== undefined) moveNeighbour(pairKey(right, after), pairKey(id, after), report);
    symbols[out++] = id;
    i++;
  }
  symbols.length = out;
}

function moveNeighbour(from: number, to: number, report: (key: number, by: number) => void): void {
  report(from, -1);
  report(to, 1);
}
