/**
 * Byte-level byte-pair encoding: words (words.ts) are bytes, and learned pairs of neighbours are merged, the pair learned first
 * first. Ids 0 … 255 are the bytes; each merge that spells something new adds one.
 */
import { fail } from "../../tensor/error.ts";
import { type CountedWord, learnMerges, maxEntries, pairKey } from "./merge-learner.ts";
import { bytePieces, decoding, utf8 } from "./pieces.ts";
import type { Merge, Tokenizer } from "./tokenizer.ts";
import { maxWordBytes, splitWords } from "./words.ts";

export interface BpeOptions {
  /** Total vocabulary, 257 … 65,536, the 256 bytes included. */
  entries: number;
}

/**
 * Learns a vocabulary from text; the result depends on text and options alone. Pairs that occur once are not merged, so that
 * a short text may give fewer entries than asked for. Throws `E_BPE_ENTRIES`.
 */
export function trainBpe(text: string, { entries }: BpeOptions): Tokenizer {
  if (!Number.isSafeInteger(entries) || entries < 257 || entries > maxEntries) {
    fail({
      code: "E_BPE_ENTRIES",
      where: "entries",
      expected: `a whole number from 257 to ${maxEntries}`,
      got: `${entries}`,
    });
  }
  const alphabet = bytePieces.map(spell);
  return createBpeTokenizer(learnMerges(countWords(text), { alphabet, entries, minCount: 2 }).merges);
}

function countWords(text: string): CountedWord[] {
  const counts = new Map<string, number>();
  for (const word of splitWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Array.from(counts, ([word, count]) => ({ symbols: Array.from(utf8(word)), count }));
}

/** Bytes as a string of equal length: a key for maps. */
const spell = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** Rank and result of a merge. */
interface Ranked {
  rank: number;
  id: number;
}

/** The tokenizer of stored merges. Throws `E_TOKENIZER` where they could not have been learned. */
export function createBpeTokenizer(merges: readonly Merge[]): Tokenizer {
  const pieces = [...bytePieces];
  const ids = new Map(pieces.map((piece, id) => [spell(piece), id]));
  const ranks = new Map<number, Ranked>();
  for (const [rank, [left, right]] of merges.entries()) {
    const key = pairKey(left, right);
    const piece = mergedPiece(pieces[left], pieces[right]);
    if (!piece || ranks.has(key)) return failMerge(rank, left, right);
    const spelling = spell(piece);
    const id = ids.get(spelling) ?? pieces.push(piece) - 1;
    if (id >= maxEntries) failMerge(rank, left, right);
    ids.set(spelling, id);
    ranks.set(key, { rank, id });
  }
  const encodeWord = cached((word) => mergeBytes(Array.from(utf8(word)), ranks));
  return {
    kind: "bpe",
    ...decoding(pieces),
    encode: (text) => encode(text, encodeWord),
    toJSON: () => ({ kind: "bpe", merges }),
  };
}

/** A limit on length stops hostile merges, each of which doubles the one before. */
function mergedPiece(left: Uint8Array | undefined, right: Uint8Array | undefined): Uint8Array | undefined {
  if (!left || !right || left.length + right.length > maxWordBytes) return undefined;
  const piece = new Uint8Array(left.length + right.length);
  piece.set(left);
  piece.set(right, left.length);
  return piece;
}

function encode(text: string, encodeWord: (word: string) => readonly number[]): Int32Array {
  const encoded: number[] = [];
  for (const word of splitWords(text)) for (const id of encodeWord(word)) encoded.push(id);
  return Int32Array.from(encoded);
}

/** Merges the pair of the lowest rank, wherever it occurs, until no pair has one. */
function mergeBytes(symbols: number[], ranks: ReadonlyMap<number, Ranked>): number[] {
  for (;;) {
    let best: (Ranked & { key: number }) | undefined;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const key = pairKey(symbols[i]!, symbols[i + 1]!);
      const ranked = ranks.get(key);
      if (ranked && (!best || ranked.rank < best.rank)) best = { ...ranked, key };
    }
    if (!best) return symbols;
    replacePair(symbols, best.key, best.id);
  }
}

function replacePair(symbols: number[], key: number, id: number): void {
  let out = 0;
  for (let i = 0; i < symbols.length; i++) {
    const found = i + 1 < symbols.length && pairKey(symbols[i]!, symbols[i + 1]!) === key;
    symbols[out++] = found ? id : symbols[i]!;
    if (found) i++;
  }
  symbols.length = out;
}

/** Words repeat; the cache starts afresh when full, so that it stays small whatever the text. */
function cached(encodeWord: (word: string) => readonly number[]): (word: string) => readonly number[] {
  const known = new Map<string, readonly number[]>();
  return (word) => {
    const found = known.get(word);
    if (found) return found;
    if (known.size >= 50_000) known.clear();
    const ids = encodeWord(word);
    known.set(word, ids);
    return ids;
  };
}

function failMerge(rank: number, left: number, right: number): never {
  const expected = "a new pair of earlier ids that makes an entry of moderate length";
  return fail({ code: "E_TOKENIZER", where: `tokenizer.merges[${rank}]`, expected, got: `[${left}, ${right}]` });
}
