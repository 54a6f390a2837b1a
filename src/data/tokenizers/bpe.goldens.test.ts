import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createBpeTokenizer } from "./bpe.ts";
import type { Merge } from "./tokenizer.ts";
import { learnWordBpe, type WordBpeOptions, wordAlphabet } from "./word-bpe.ts";
import { splitWords } from "./words.ts";

const folder = join(process.env.SEQLAB_GOLDENS ?? "../shared/goldens", "tokenizers");
const missing = !existsSync(folder);

interface TrainingCase {
  file: string;
  config: { pre: string; trainer: TrainerOptions };
  corpus: string[];
  merges: string[][];
  vocab: string[];
}

/** The reference's names. */
interface TrainerOptions {
  vocab_size: number;
  min_frequency?: number;
  special_tokens?: string[];
  limit_alphabet?: number;
  max_token_length?: number;
  continuing_subword_prefix?: string;
  end_of_word_suffix?: string;
}

const optionsOf = ({ vocab_size, ...trainer }: TrainerOptions): WordBpeOptions => {
  const { min_frequency, special_tokens, limit_alphabet, max_token_length, ...rest } = trainer;
  const { continuing_subword_prefix, end_of_word_suffix, ...unknown } = rest;
  expect(unknown).toEqual({});
  return {
    entries: vocab_size,
    ...(min_frequency !== undefined && { minCount: min_frequency }),
    ...(special_tokens !== undefined && { special: special_tokens }),
    ...(limit_alphabet !== undefined && { mostCharacters: limit_alphabet }),
    ...(max_token_length !== undefined && { below: max_token_length }),
    ...(continuing_subword_prefix !== undefined && { continuingPrefix: continuing_subword_prefix }),
    ...(end_of_word_suffix !== undefined && { endSuffix: end_of_word_suffix }),
  };
};

const training = join(folder, "bpe-training");
const cases: TrainingCase[] = missing
  ? []
  : readdirSync(training).map((file) => ({ file, ...JSON.parse(readFileSync(join(training, file), "utf8")) }));

const preTokenizers: Record<string, (text: string) => string[]> = {
  whitespace_split: (text) => text.match(/\S+/g) ?? [],
  whitespace: (text) => text.match(/[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\s]+/gu) ?? [],
  byte: (text) => Array.from(splitWords(text), visibleBytes),
};

describe.skipIf(missing)(`BPE training goldens (skipped where ${folder} is missing)`, () => {
  test("the folder has cases", () => expect(cases.length).toBeGreaterThan(0));

  test.for(cases)("[tokenizer] $file", ({ config, corpus, merges, vocab }) => {
    const options = {
      ...optionsOf(config.trainer),
      // The cases over bytes were trained with all of them.
      initialAlphabet: config.pre === "byte" ? Array.from({ length: 256 }, (_, byte) => visibleByte(byte)) : [],
    };
    const words = new Map<string, number>();
    for (const word of corpus.flatMap((text) => preTokenizers[config.pre]!(text)))
      words.set(word, (words.get(word) ?? 0) + 1);
    // The reference puts characters with a mark in a hash table's order, which is taken from the case; all else is ours.
    const marked = options.continuingPrefix !== undefined || options.endSuffix !== undefined;
    const ours = wordAlphabet(words, options);
    const alphabet = marked ? vocab.slice(0, ours.length) : ours;
    expect(new Set(alphabet)).toEqual(new Set(ours));
    const bare = ours.findIndex((token) => Array.from(token).length > 1);
    if (marked) expect(ours.slice(0, bare)).toEqual(vocab.slice(0, bare));
    expect(learnWordBpe(words, alphabet, options)).toEqual({ vocab, merges });
  });
});

describe.skipIf(missing)(`GPT-2's byte-level encoding (skipped where ${folder} is missing)`, () => {
  const file = join(folder, "tiktoken-gpt2");

  test("[tokenizer] ids of tiktoken's cases", () => {
    const pieces = new Map(tiktokenPieces(join(file, "tiny.tiktoken")).map((piece, rank) => [piece, rank]));
    const merges = [...pieces].slice(256).map(([piece, rank]) => lastPair(piece, rank, pieces));
    const tokenizer = createBpeTokenizer(merges);
    const { cases } = JSON.parse(readFileSync(join(file, "cases.json"), "utf8"));
    expect(tokenizer.size).toBe(pieces.size);
    expect(cases.length).toBeGreaterThan(0);
    for (const { text, ids_ordinary } of cases) expect([...tokenizer.encode(text)], text).toEqual(ids_ordinary);
  });
});

const isVisible = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
const hidden = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !isVisible(byte));

/** GPT-2's printable stand-ins for bytes: Latin-1's visible characters for themselves, U+0100 … for the others in order. */
const visibleByte = (byte: number): string => String.fromCharCode(isVisible(byte) ? byte : 256 + hidden.indexOf(byte));
const visibleBytes = (text: string): string => Array.from(Buffer.from(text), visibleByte).join("");

const tiktokenPieces = (path: string): string[] =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => Buffer.from(line.split(" ")[0]!, "base64").toString("latin1"));

/** A piece's merge: what is left of it when all pairs of lower rank are merged. */
function lastPair(piece: string, rank: number, ranks: Map<string, number>): Merge {
  const parts = [...piece];
  while (parts.length > 2) {
    const joined = parts.slice(1).map((part, i) => ranks.get(parts[i]! + part) ?? rank);
    const lowest = Math.min(...joined);
    expect(lowest).toBeLessThan(rank);
    const at = joined.indexOf(lowest);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
  return [ranks.get(parts[0]!)!, ranks.get(parts[1]!)!];
}
