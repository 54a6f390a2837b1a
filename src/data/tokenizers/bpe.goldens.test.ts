import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createBpeTokenizer } from "./bpe.ts";
import { learnMerges } from "./merge-learner.ts";
import type { Merge } from "./tokenizer.ts";
import { splitWords } from "./words.ts";

const folder = join(process.env.SEQLAB_GOLDENS ?? "../shared/goldens", "tokenizers");
const missing = !existsSync(folder);

interface TrainingCase {
  file: string;
  config: { pre: string; trainer: Record<string, unknown> & { vocab_size: number; min_frequency?: number } };
  corpus: string[];
  merges: string[][];
  vocab: string[];
}

const training = join(folder, "bpe-training");
const cases: TrainingCase[] = missing
  ? []
  : readdirSync(training).map((file) => ({ file, ...JSON.parse(readFileSync(join(training, file), "utf8")) }));

const preTokenizers: Record<string, (text: string) => string[]> = {
  whitespace_split: (text) => text.match(/\S+/g) ?? [],
  whitespace: (text) => text.match(/[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\s]+/gu) ?? [],
  byte: (text) => Array.from(splitWords(text), visibleBytes),
};
const built = ["vocab_size", "min_frequency"];

describe.skipIf(missing)(`BPE training goldens (skipped where ${folder} is missing)`, () => {
  test("the folder has cases", () => expect(cases.length).toBeGreaterThan(0));

  test.for(cases)("[tokenizer] $file", ({ config, corpus, merges, vocab }, context) => {
    const absent = Object.keys(config.trainer).filter((option) => !built.includes(option));
    if (absent.length) context.skip(`the trainer has no ${absent.join(", ")}`);
    const alphabet = vocab.slice(0, vocab.length - new Set(merges.map((pair) => pair.join(""))).size);
    const counts = new Map<string, number>();
    for (const word of corpus.flatMap((text) => preTokenizers[config.pre]!(text)))
      counts.set(word, (counts.get(word) ?? 0) + 1);
    const words = Array.from(counts, ([word, count]) => ({
      symbols: Array.from(word, (c) => alphabet.indexOf(c)),
      count,
    }));
    const minCount = Math.max(1, config.trainer.min_frequency ?? 0);
    const learned = learnMerges(words, { alphabet, entries: config.trainer.vocab_size, minCount });
    expect(learned.merges.map((pair) => pair.map((id) => learned.spellings[id]))).toEqual(merges);
    expect(learned.spellings).toEqual(vocab);
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

/** GPT-2's printable stand-ins for bytes: Latin-1's visible characters for themselves, U+0100 … for the others in order. */
function visibleBytes(text: string): string {
  const visible = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  const others = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !visible(byte));
  const standIn = (byte: number) => String.fromCharCode(visible(byte) ? byte : 256 + others.indexOf(byte));
  return Array.from(Buffer.from(text), standIn).join("");
}

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
